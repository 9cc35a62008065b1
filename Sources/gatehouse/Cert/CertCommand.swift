import ArgumentParser
internal import Certificates

/// `gatehouse cert`: see, make and rotate certificates.
struct CertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cert",
    abstract: "See, make and rotate certificates.",
    discussion: """
      A certificates folder holds versions that this command makes and plain files
      as other tools leave them: NAME.pem (chain and key), or NAME.crt with
      NAME.key. Which names a certificate serves is read from the certificate,
      never from the file's name.

      EXAMPLES
        gatehouse cert dev                       for localhost, 127.0.0.1 and ::1
        gatehouse cert dev shop.test '*.shop.test'
        gatehouse cert list
        gatehouse cert show localhost --json
        gatehouse cert rotate localhost          a new key, at once

      Exit code 0: good. 1: there is a warning. 2: refused, failed, unfit to serve.
      """,
    subcommands: [CertDev.self, CertList.self, CertShow.self, CertRotate.self])
}

/// What every `cert` command takes.
struct CertOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The certificates folder.", valueName: "folder"))
  var dir = "certs"

  @Flag(help: "Print the same facts as JSON.")
  var json = false

  var store: CertificateStore { CertificateStore(directory: dir) }
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
      holds an ECDSA P-256 key and lasts 90 days.

      EXAMPLES
        gatehouse cert dev
        gatehouse cert dev shop.test '*.shop.test' 192.0.2.7
        gatehouse cert dev shop.test api.test --force     other names for shop.test
        curl --cacert certs/.authority/ca.pem https://localhost:8443/
      """)

  @Argument(help: "DNS names and addresses; localhost, 127.0.0.1 and ::1 where none is given.")
  var names: [String] = []

  @Flag(help: "Make a new version where there is one already.")
  var force = false

  @OptionGroup var options: CertOptions

  func run() throws {
    let typed = names.isEmpty ? ["localhost", "127.0.0.1", "::1"] : names
    var state = CertRow.State.ok
    try CertFailure.explained {
      let serverNames = try typed.map { text in
        guard let name = ServerName(text) else {
          throw CertFailure("\"\(text)\" is no DNS name and no address, such as shop.test or ::1")
        }
        return name
      }
      let made = try Rotation(in: options.store).make(serverNames, isForced: force)
      let outcome = CertOutcome(made)
      state = outcome.state
      try outcome.print(asJSON: options.json)
    }
    try CertRow.exit(for: [state])
  }
}

/// `gatehouse cert rotate`: a new key, whether it is due or not.
struct CertRotate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotate",
    abstract: "Give a certificate a new key and make it the current version.",
    discussion: """
      The new version passes the gates before it becomes current; the old one stays
      on the disk. Only certificates that `gatehouse cert dev` made can be rotated
      here: others come from their issuer. A running gatehouse serves the new one
      when it applies its configuration.

      EXAMPLES
        gatehouse cert rotate localhost
        gatehouse cert rotate '*.shop.test' --dir /etc/gatehouse/certs --json
      """)

  @Argument(help: "The certificate's name, as `gatehouse cert list` prints it.")
  var name: String

  @OptionGroup var options: CertOptions

  func run() throws {
    var state = CertRow.State.ok
    try CertFailure.explained {
      let outcome = CertOutcome(try Rotation(in: options.store).rotate(name))
      state = outcome.state
      try outcome.print(asJSON: options.json)
    }
    try CertRow.exit(for: [state])
  }
}
