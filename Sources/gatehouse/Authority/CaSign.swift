import ArgumentParser
internal import Certificates
internal import Control
internal import Foundation

/// `gatehouse ca sign`: a certificate for a client, or with --server for a server.
struct CaSign: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sign",
    abstract: "Sign a certificate for a client, or with --server for a server.",
    discussion: """
      Writes cert.pem (with the authority behind it), key.pem (mode 0600) and, for a
      client, client.p12, which browsers import with the password that is printed
      once and kept nowhere. With --csr the key stays where it is: only cert.pem is
      written, and its names are those of --for, whatever the request says.

      EXAMPLES
        gatehouse ca sign staff --for alice@example.com
        gatehouse ca sign staff --for "Door sensor 7" --days 90 --out sensor
        gatehouse ca sign staff --for bob@example.com --csr bob.csr
        gatehouse ca sign staff --server --for db.internal --for 10.0.0.5 --out db
        gatehouse cert import db.internal --chain db/cert.pem --key db/key.pem
      """)

  @Option(
    name: .customLong("for"),
    help: "Whom: alice@example.com, a DNS name, an address or a common name; may be repeated.")
  var holders: [String]

  @Flag(help: "For a server.")
  var server = false

  @Option(help: ArgumentHelp("A request in PEM, for a key made elsewhere.", valueName: "file"))
  var csr: String?

  @Option(help: "How long it lasts.")
  var days = PrivateAuthority.leafDays

  @Option(help: "The kind of key: ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072 or rsa-4096.")
  var key = KeyKind.ecdsaP256

  @Option(
    help: ArgumentHelp(
      "Where to write; a new folder below the authority's `issued`.", valueName: "folder"))
  var out: String?

  @OptionGroup var options: CaOptions

  func run() throws {
    try CertFailure.explained(as: "ca") {
      let authority = try PrivateAuthority.open(options.name, in: options.dir)
      let holder = try CertificateHolder(holders, isForServers: server)
      let delivery = try authority.deliver(
        holder, requestPath: csr, key: key, days: days, to: out, isDryRun: options.dryRun)
      guard !options.json else {
        print(try jsonText(Facts(delivery, isDryRun: options.dryRun)))
        return .ok
      }
      let names = holders.joined(separator: ", ")
      print(
        options.dryRun
          ? "would be signed by \(authority.name) for \(names); nothing was changed"
          : "signed by \(authority.name) for \(names)")
      var rows = [["certificate", delivery.certificatePath]]
      if let path = delivery.keyPath { rows.append(["key", path]) }
      if let path = delivery.bagPath, let password = delivery.password {
        rows.append(["for browsers", path])
        if !options.dryRun {
          rows.append(["its password", "\(password)  (shown once, kept nowhere)"])
        }
      }
      if !options.dryRun { rows.append(["serial", delivery.serial]) }
      rows.append(["valid until", certTime(delivery.notAfter)])
      print(table([], rows))
      return .ok
    }
  }

  private struct Facts: Encodable {
    /// Nil in a dry run: the next one has another.
    let serial: String?
    let certificate: String
    let key: String?
    let p12: String?
    let password: String?
    let notAfter: String

    init(_ delivery: PrivateAuthority.Delivery, isDryRun: Bool) {
      serial = isDryRun ? nil : delivery.serial
      certificate = delivery.certificatePath
      key = delivery.keyPath
      p12 = delivery.bagPath
      password = isDryRun ? nil : delivery.password
      notAfter = certTime(delivery.notAfter)
    }
  }
}
