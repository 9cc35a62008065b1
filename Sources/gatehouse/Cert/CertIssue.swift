import ArgumentParser
internal import Certificates
internal import Control
internal import Foundation

/// `gatehouse cert issue`: a first certificate from an authority, by hand.
struct CertIssue: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "issue",
    abstract: "Fetch a certificate from an authority (ACME), and make it current.",
    discussion: """
      The running process answers the authority's challenge: for http-01 it needs a
      listener that the authority reaches on port 80, for tls-alpn-01 on port 443.
      dns-01 needs no process, and is the only way to a wildcard.

      What this fetches is renewed by hand (`gatehouse cert rotate`). What stands
      under `acme: certificates` of the configuration is fetched and renewed by the
      running process itself, and needs no command at all.

      EXAMPLES
        gatehouse cert issue www.example.com -c gatehouse.yaml --email ops@example.com
        gatehouse cert issue www.example.com --san www.example.com --san example.com \\
          --key ecdsa-p256 --key rsa-2048 -c gatehouse.yaml
        gatehouse cert issue example.com --san '*.example.com' --challenge dns-01 \\
          --dns-hook ./dns.sh --authority letsencrypt-staging --dir certs

      Exit code 0: good. 1: there is a warning. 2: failed; what serves goes on.
      """)

  @Argument(help: "The name to keep it under, such as its first DNS name.")
  var name: String

  @Option(help: ArgumentHelp("A name it is for; once for each.", valueName: "name"))
  var san: [String] = []

  @Option(help: "How the names are proven: http-01, tls-alpn-01 or dns-01.")
  var challenge = "http-01"

  @Option(
    help: ArgumentHelp("The kind of its key; once more for RSA beside ECDSA.", valueName: "kind"))
  var key: [String] = []

  @OptionGroup var authority: AuthorityOptions
  @OptionGroup var serving: ServingOptions
  @OptionGroup var options: CertOptions

  func run() throws {
    try CertFailure.explained {
      let planned = try planned()
      let fetching = try CertFetching(options, serving, authority, planned: planned)
      guard !serving.dryRun else {
        guard !options.json else {
          print(try jsonText(Facts(planned)))
          return .ok
        }
        print(
          "would ask \(planned.authorities.joined(separator: ", then ")) for "
            + "\(planned.names.map(\.description).joined(separator: ", ")) by "
            + "\(planned.challenge.type), with \(planned.keys.map(\.rawValue).joined(separator: " and "))"
        )
        return .ok
      }
      var outcomes: [CertOutcome] = []
      let state = try fetching.fetch(planned, into: &outcomes)
      if options.json { print(try jsonText(outcomes)) }
      return state
    }
  }

  /// What would be asked for.
  private struct Facts: Encodable {
    let name: String
    let names, authorities, keys: [String]
    let challenge: String
    let ending = "dry-run"

    init(_ planned: PlannedCertificate) {
      name = planned.name
      names = planned.names.map(\.description)
      authorities = planned.authorities
      keys = planned.keys.map(\.rawValue)
      challenge = planned.challenge.type
    }
  }

  private func planned() throws -> PlannedCertificate {
    let typed = san.isEmpty ? [name] : san
    let names = try typed.map { text in
      guard let name = ServerName(text), case .dns = name else {
        throw CertFailure("\"\(text)\" is no DNS name, such as www.example.com or *.example.com")
      }
      return name
    }
    let kinds = try key.map { text in
      guard let kind = KeyKind(rawValue: text) else {
        let all = KeyKind.allCases.map(\.rawValue).joined(separator: ", ")
        throw CertFailure("\"\(text)\" is no kind of key; there are: \(all)")
      }
      return kind
    }
    var planned = PlannedCertificate(
      name: name, names: names, authorities: try authority.names(options))
    if !kinds.isEmpty { planned.keys = kinds }
    planned.challenge = try authority.challenge(challenge, options)
    if planned.challenge.type != "dns-01",
      let wild = names.first(where: { $0.description.hasPrefix("*.") })
    {
      throw CertFailure("\(wild) can be proven in the DNS only: --challenge dns-01")
    }
    return planned
  }
}
