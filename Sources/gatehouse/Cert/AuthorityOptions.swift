import ArgumentParser
internal import Certificates
internal import Configuration
internal import Foundation

/// Which authority is asked, and how it is shown who one is.
struct AuthorityOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A name of the configuration's, letsencrypt, letsencrypt-staging, or a URL.",
      valueName: "authority"))
  var authority: [String] = []

  @Option(help: "Told to the authority, for its warnings.")
  var email: String?

  @Option(help: ArgumentHelp("PEM file to trust the authority's server by.", valueName: "file"))
  var ca: String?

  @Option(
    help: ArgumentHelp("The ID of an account made with the authority before.", valueName: "id"))
  var eabID: String?

  @Option(help: ArgumentHelp("File with that account's MAC key.", valueName: "file"))
  var eabKey: String?

  @Option(
    help: ArgumentHelp("For dns-01: PROGRAM present|cleanup FQDN VALUE.", valueName: "program"))
  var dnsHook: String?

  @Option(help: ArgumentHelp("For dns-01: a server that takes updates.", valueName: "host:port"))
  var dnsServer: String?

  @Option(help: ArgumentHelp("File with the TSIG key that signs them.", valueName: "file"))
  var dnsKey: String?

  /// The authorities there are: those of the configuration, and those that were typed.
  func authorities(_ options: CertOptions) throws -> [ACMEAuthority] {
    var all = try options.plan()?.authorities ?? []
    for text in authority where !all.contains(where: { $0.name == text }) {
      guard let directory = ACMEAuthority.directory(of: text) else {
        let known = all.map(\.name) + ["letsencrypt", "letsencrypt-staging"]
        throw CertFailure(
          "\"\(text)\" is no https URL, and none of \(known.joined(separator: ", "))")
      }
      all.append(ACMEAuthority(name: text, directory: directory))
    }
    if all.isEmpty, let directory = ACMEAuthority.directory(of: "letsencrypt") {
      all.append(ACMEAuthority(name: "letsencrypt", directory: directory))
    }
    return all.map { one in
      var one = one
      one.email = email ?? one.email
      one.trustPath = ca ?? one.trustPath
      if let eabID, let eabKey { one.externalAccount = .init(keyID: eabID, keyPath: eabKey) }
      return one
    }
  }

  func names(_ options: CertOptions) throws -> [String] {
    authority.isEmpty ? try authorities(options).map(\.name) : authority
  }

  func challenge(_ type: String, _ options: CertOptions) throws -> ChallengeKind {
    switch type {
    case "http-01": return .http01
    case "tls-alpn-01": return .tlsALPN01
    case "dns-01": return .dns01(try publisher(options))
    default:
      throw CertFailure("\"\(type)\" is no challenge; there are: http-01, tls-alpn-01, dns-01")
    }
  }

  private func publisher(_ options: CertOptions) throws -> DNSPublisher {
    if let dnsHook { return .hook(path: dnsHook) }
    if let dnsServer {
      let parts = dnsServer.split(separator: ":")
      guard parts.count == 2, let port = UInt16(parts[1]) else {
        throw CertFailure("\"\(dnsServer)\" is no host with a port, such as 192.0.2.53:53")
      }
      return .update(server: String(parts[0]), port: port, keyPath: dnsKey)
    }
    for planned in try options.plan()?.certificates ?? [] {
      if case .dns01(let publisher) = planned.challenge { return publisher }
    }
    throw CertFailure("dns-01 needs --dns-hook or --dns-server, or acme.dns in the configuration")
  }
}
