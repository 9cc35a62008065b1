import ArgumentParser
internal import Certificates
internal import Control
internal import Foundation

/// `gatehouse cert check`: the gates, and nothing else.
struct CertCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Take a file, a stored certificate or a server's through the gates.",
    discussion: """
      A stored name is taken as that; what holds a slash or is a file, as a file; and
      HOST:PORT is asked over a TLS handshake, once for an ECDSA certificate and once
      for an RSA one, within 10 s. The names of HOST have to be covered then. Nothing
      is changed.

      EXAMPLES
        gatehouse cert check shop.test
        gatehouse cert check fullchain.pem --key privkey.pem --names shop.test,www.shop.test
        gatehouse cert check fullchain.pem         without its key
        gatehouse cert check shop.test:443
        gatehouse cert check 192.0.2.7:443 --names shop.test --json

      Exit code 0: good. 1: there is a warning. 2: a gate stops it.
      """)

  @Argument(help: "A file, a name of `gatehouse cert list`, or HOST:PORT.")
  var subject: String

  @Option(help: ArgumentHelp("The private key that belongs to the file.", valueName: "file"))
  var key: String?

  @Option(help: "Names it has to cover, separated by commas.")
  var names: String?

  @OptionGroup var options: CertOptions

  func run() throws {
    try CertFailure.explained {
      let checked = try reports()
      if options.json {
        print(try jsonText(checked.map(Facts.init)))
      } else {
        print(checked.map(\.text).joined(separator: "\n\n"))
      }
      return CertRow.worst(of: checked.map { CertRow.State($0.report) })
    }
  }

  private struct Checked {
    let subject: String
    let report: GateReport

    var text: String {
      let rows = report.results.map { [$0.gate.rawValue, $0.outcome.rawValue, $0.message] }
      return "\(subject): gates \(report.score)\n"
        + table(["GATE", "RESULT", "WHAT IT SAYS"], rows)
    }
  }

  private struct Facts: Encodable {
    let subject: String
    let score: String
    let state: CertRow.State
    let gates: [GateResult]

    init(_ checked: Checked) {
      subject = checked.subject
      score = checked.report.score
      state = CertRow.State(checked.report)
      gates = checked.report.results
    }
  }

  private func reports() throws -> [Checked] {
    let store = try options.store()
    var context = try store.context()
    context.requiredNames = try CertNames.list(names)
    if key == nil, let stored = try store.list().first(where: { $0.name == subject }) {
      var plain = context
      plain.requiredNames = []
      let owners = NameOwners(
        try store.list().filter(\.isServing).map { ($0.name, $0.check(in: plain)) })
      let report = stored.check(in: context)
      return [
        Checked(
          subject: subject,
          report: stored.isServing ? owners.added(to: report, of: subject) : report)
      ]
    }
    let isFile = subject.contains("/") || FileManager.default.fileExists(atPath: subject)
    if !isFile, let server = Self.server(subject) {
      return try served(server.host, server.port, context)
    }
    guard isFile || key != nil else {
      let known = try store.list().map(\.name).joined(separator: ", ")
      throw CertFailure(
        "\"\(subject)\" is no file, not HOST:PORT, and no certificate in \(store.directory)"
          + (known.isEmpty ? "" : "; there are: \(known)"))
    }
    let files = CertificateFiles(chainPath: subject, keyPath: key)
    return [Checked(subject: subject, report: files.check(in: context))]
  }

  private func served(
    _ host: String, _ port: UInt16, _ given: GateContext
  ) throws -> [Checked] {
    // A server that hangs up must not end us.
    signal(SIGPIPE, SIG_IGN)
    var context = given
    if names == nil { context.requiredNames = try [CertNames.name(host)] }
    let name = context.requiredNames.first?.description ?? host
    var found: [Checked] = []
    var seen: Set<String> = []
    var failure: CertificateError?
    for ask in ServedCertificate.Ask.allCases {
      do throws(CertificateError) {
        let served = try ServedCertificate.fetch(host: host, port: port, name: name, asking: ask)
        let report = CertificateGates.check(
          chainPEM: served.chainPEM, keyPEM: nil, name: subject, context: context)
        // Where a server has one kind only, some show it to everybody.
        guard seen.insert(report.bundle?.leafSHA256 ?? ask.rawValue).inserted else { continue }
        let kind = report.bundle?.keyType ?? ask.rawValue
        found.append(Checked(subject: "\(subject) (\(kind), \(served.version))", report: report))
      } catch {
        failure = error
      }
    }
    if found.isEmpty, let failure { throw failure }
    return found
  }

  /// `HOST:PORT` or `[ADDRESS]:PORT`.
  private static func server(_ text: String) -> (host: String, port: UInt16)? {
    guard let colon = text.lastIndex(of: ":"),
      let port = UInt16(text[text.index(after: colon)...]), port > 0
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    guard !host.isEmpty, ServerName(String(host)) != nil else { return nil }
    return (String(host), port)
  }
}
