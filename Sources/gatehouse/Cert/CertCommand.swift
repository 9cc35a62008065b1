import ArgumentParser
internal import Certificates
internal import Foundation

/// `gatehouse cert`: see, make and rotate certificates.
struct CertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cert",
    abstract: "See, make and rotate certificates.",
    discussion: """
      A certificates folder holds versions that this command makes and plain files
      as other tools leave them: NAME.pem (chain and key), or NAME.crt with
      NAME.key. Which names a certificate serves is read from the certificate,
      never from the file's name. NAME.rsa is kept beside NAME, so that an RSA and
      an ECDSA certificate can serve the same names.

      EXAMPLES
        gatehouse cert dev                       for localhost, 127.0.0.1 and ::1
        gatehouse cert import shop.test --chain fullchain.pem --key key.pem
        gatehouse cert list
        gatehouse cert check shop.test:443       what a server shows to the world
        gatehouse cert rotate localhost          a new key, at once
        gatehouse cert rollback localhost        back to the version before

      Exit code 0: good. 1: there is a warning. 2: refused, failed, unfit to serve.
      """,
    subcommands: [
      CertList.self, CertShow.self, CertCheck.self, CertDev.self, CertImport.self,
      CertIssue.self, CertRenew.self, CertRotate.self, CertRollback.self, CertRevoke.self,
    ])
}

/// `gatehouse cert dev`: a certificate for this machine, from an authority of its own.
struct CertDev: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dev",
    abstract: "Make a certificate for development, signed by an authority of this machine.",
    discussion: """
      The authority is made the first time and kept in FOLDER/.authority. Let your
      clients trust its ca.pem and keep its ca.key to yourself: who holds it can
      pose as any site to them. The certificate is stored under the first name,
      holds an ECDSA P-256 key unless you say otherwise, and lasts 90 days.

      EXAMPLES
        gatehouse cert dev
        gatehouse cert dev shop.test '*.shop.test' 192.0.2.7
        gatehouse cert dev shop.test --key rsa-2048       kept beside the other, as shop.test.rsa
        gatehouse cert dev shop.test api.test --force     other names for shop.test
        curl --cacert certs/.authority/ca.pem https://localhost:8443/
      """)

  @Argument(help: "DNS names and addresses; localhost, 127.0.0.1 and ::1 where none is given.")
  var names: [String] = []

  @Option(help: "ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072 or rsa-4096.")
  var key = KeyKind.ecdsaP256

  @Flag(help: "Make a new version where there is one already.")
  var force = false

  @Flag(help: "Tell what would be done; nothing changes.")
  var dryRun = false

  @OptionGroup var options: CertOptions

  func run() throws {
    let typed = names.isEmpty ? ["localhost", "127.0.0.1", "::1"] : names
    try CertFailure.explained {
      let serverNames = try typed.map(CertNames.name)
      let store = try options.store()
      let made = try Rotation(in: store).make(
        serverNames, key: key, isForced: force, isDryRun: dryRun)
      let outcome = CertOutcome(
        made, asked: nil,
        authority: DevelopmentAuthority.certificatePath(in: store.directory))
      return try outcome.print(asJSON: options.json)
    }
  }
}

/// Names as people type them.
enum CertNames {
  static func name(_ text: String) throws -> ServerName {
    guard let name = ServerName(text) else {
      throw CertFailure("\"\(text)\" is no DNS name and no address, such as shop.test or ::1")
    }
    return name
  }

  /// `a.test,b.test`.
  static func list(_ text: String?) throws -> [ServerName] {
    try (text ?? "").split(separator: ",").map {
      try name($0.trimmingCharacters(in: .whitespaces))
    }
  }

  /// `v0007`, `v7` or `7`.
  static func version(_ text: String) throws -> Int {
    let digits = text.hasPrefix("v") ? text.dropFirst() : text[...]
    guard digits.allSatisfy(\.isNumber), let number = Int(digits), number > 0 else {
      throw CertFailure("\"\(text)\" is no version, such as v0007 or 7")
    }
    return number
  }
}
