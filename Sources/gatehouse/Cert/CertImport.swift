import ArgumentParser
internal import Certificates

/// `gatehouse cert import`: a certificate that another tool fetched or another authority signed.
struct CertImport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Bring in a certificate, through the gates, and make it current.",
    discussion: """
      The chain is put in order, what is of no use to it is left out, and every
      gate has to let it through; else nothing changes. Then the running process is
      asked to serve it, and if it does not, the version before is current again.
      An RSA certificate is kept as NAME.rsa, beside another kind as NAME. A plain
      file of another tool that bears the name is moved to NAME/.before.

      Importing what is current already changes nothing, so this may be called as
      often as you like, such as from the hook of another tool.

      EXAMPLES
        gatehouse cert import shop.test --chain fullchain.pem --key privkey.pem
        gatehouse cert import shop.test --chain f.pem --key k.pem --dry-run
        gatehouse cert import shop.test --chain f.pem --key k.pem -c gatehouse.yaml --json

      Exit code 0: good. 1: there is a warning. 2: refused; nothing was changed.
      """)

  @Argument(help: "The name to keep it under, such as its first DNS name.")
  var name: String

  @Option(help: ArgumentHelp("PEM file of the certificate and its chain.", valueName: "file"))
  var chain: String

  @Option(
    help: ArgumentHelp(
      "PEM file of the private key, mode 0600; may be the same.", valueName: "file"))
  var key: String

  @Flag(inversion: .prefixedNo, help: "Make it current, or only stage it.")
  var activate = true

  @Flag(help: "Let one through that is older than the current one.")
  var allowDowngrade = false

  @OptionGroup var serving: ServingOptions
  @OptionGroup var options: CertOptions

  func run() throws {
    try CertFailure.explained {
      var settings = Activation.Settings()
      settings.isDryRun = serving.dryRun
      settings.activates = activate
      settings.allowsDowngrade = allowDowngrade
      settings.routedNames = options.routedNames()
      let activation = Activation(
        in: try options.store(), ask: try serving.question(options))
      let outcome = try activation.bring(
        CertificateFiles(chainPath: chain, keyPath: key), as: name, settings)
      return try CertOutcome(outcome, asked: "staged").print(asJSON: options.json)
    }
  }
}
