import ArgumentParser
internal import Certificates
internal import Control
internal import Foundation

/// `gatehouse ca`: an authority of one's own.
struct CaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ca",
    abstract: "A private authority: certificates for clients, and for servers only they visit.",
    discussion: """
      An authority is a folder: ca.pem for those who trust it, ca.key for nobody,
      crl.pem for those who check what is revoked, index.json of all it signed.

      EXAMPLES
        gatehouse ca init staff
        gatehouse ca sign staff --for alice@example.com
        gatehouse ca crl staff --revoke ca/staff/issued/alice@example.com/cert.pem

      Exit code 0: done. 2: refused or failed.
      """,
    subcommands: [CaInit.self, CaSign.self, CaCrl.self])
}

/// What every `ca` command takes.
struct CaOptions: ParsableArguments {
  @Argument(help: "The authority's name: lower-case letters, digits, dots, dashes.")
  var name: String

  @Option(help: ArgumentHelp("The folder of the authorities.", valueName: "folder"))
  var dir = "ca"

  @Flag(help: "Tell what would be done; nothing changes.")
  var dryRun = false

  @Flag(help: "Print the same facts as JSON.")
  var json = false
}

/// `gatehouse ca init`: a new authority.
struct CaInit: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Make a private authority, with an empty list of what is revoked.",
    discussion: """
      EXAMPLES
        gatehouse ca init staff
        gatehouse ca init staff --dir /etc/gatehouse/ca --days 1825
      """)

  @Option(help: "How long it lasts.")
  var days = PrivateAuthority.lifetimeDays

  @OptionGroup var options: CaOptions

  func run() throws {
    try CertFailure.explained(as: "ca") {
      let made = try PrivateAuthority.create(
        options.name, in: options.dir, days: days, isDryRun: options.dryRun)
      let facts = AuthorityFacts(made)
      guard !options.json else {
        print(try jsonText(facts))
        return .ok
      }
      print(
        options.dryRun
          ? "\(made.name) would be an authority until \(certTime(made.notAfter).prefix(10)); nothing was changed"
          : "\(made.name) is an authority until \(certTime(made.notAfter).prefix(10))")
      print(
        table(
          [],
          [
            ["trust", facts.certificate], ["keep secret", facts.key], ["list", facts.list],
          ]))
      if !options.dryRun {
        print("sign with it: gatehouse ca sign \(made.name) --for alice@example.com")
      }
      return .ok
    }
  }
}

/// Where the parts of an authority are.
private struct AuthorityFacts: Encodable {
  let name: String
  let subject: String
  let certificate: String
  let key: String
  let list: String
  let notAfter: String

  init(_ authority: PrivateAuthority) {
    name = authority.name
    subject = authority.subject
    certificate = authority.certificatePath
    key = "\(authority.folder)/ca.key"
    list = authority.listPath
    notAfter = certTime(authority.notAfter)
  }
}
