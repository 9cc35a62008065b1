import ArgumentParser
internal import Certificates
internal import Control
internal import Foundation

/// `gatehouse ca crl`: the list of what is revoked.
struct CaCrl: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "crl",
    abstract: "Sign the list of revoked certificates anew, perhaps with one more on it.",
    discussion: """
      Each list has a higher number than the one before and is good for --days: a
      list that has run out admits nobody, so sign it anew before, such as weekly.

      EXAMPLES
        gatehouse ca crl staff
        gatehouse ca crl staff --revoke 4f3a90c1d2e8b7a6
        gatehouse ca crl staff --revoke ca/staff/issued/alice@example.com/cert.pem
        gatehouse ca crl staff --json | jq -r '.revoked[].serial'
        openssl crl -in ca/staff/crl.pem -noout -text
      """)

  @Option(help: ArgumentHelp("A serial number or a certificate's file.", valueName: "serial|file"))
  var revoke: String?

  @Option(help: "compromise, superseded, cessation, affiliation or unspecified.")
  var reason = RevocationReason.unspecified

  @Option(help: "How long the list is good.")
  var days = PrivateAuthority.listDays

  @OptionGroup var options: CaOptions

  func run() throws {
    try CertFailure.explained(as: "ca") {
      let authority = try PrivateAuthority.open(options.name, in: options.dir)
      let serial = try revoke.map { text in
        FileManager.default.fileExists(atPath: text) ? try authority.serial(inFile: text) : text
      }
      let index = try authority.renewList(
        revoking: serial, because: reason, days: days, isDryRun: options.dryRun)
      guard !options.json else {
        print(try jsonText(Facts(authority, index)))
        return .ok
      }
      print(
        "list \(index.listNumber) of \(authority.name), \(index.revoked.count) of "
          + "\(index.entries.count) revoked, good for \(days) days: \(authority.listPath)"
          + (options.dryRun ? "; nothing was changed" : ""))
      let rows = index.revoked.map { entry in
        [
          entry.serial, entry.subject, entry.revoked.map { certTime($0) } ?? "-",
          (entry.reason ?? .unspecified).rawValue,
        ]
      }
      if !rows.isEmpty { print(table(["SERIAL", "SUBJECT", "REVOKED", "REASON"], rows)) }
      return .ok
    }
  }

  private struct Facts: Encodable {
    struct Revoked: Encodable {
      let serial: String
      let subject: String
      let revoked: String?
      let reason: String
    }

    let number: Int
    let list: String
    let revoked: [Revoked]

    init(_ authority: PrivateAuthority, _ index: AuthorityIndex) {
      number = index.listNumber
      list = authority.listPath
      revoked = index.revoked.map {
        Revoked(
          serial: $0.serial, subject: $0.subject, revoked: $0.revoked.map { certTime($0) },
          reason: ($0.reason ?? .unspecified).rawValue)
      }
    }
  }
}
