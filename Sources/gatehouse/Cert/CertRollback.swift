import ArgumentParser
internal import Certificates

/// `gatehouse cert rollback`: back to a version that was kept.
struct CertRollback: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback",
    abstract: "Make an older version current again.",
    discussion: """
      Without --to it is the version that served before. It passes the gates again
      and the running process is asked, as when it was new. One that has expired or
      is quarantined needs --force; one whose key was compromised is never served
      again. --to takes a newer version, too, such as one that was only staged.

      EXAMPLES
        gatehouse cert rollback shop.test
        gatehouse cert rollback shop.test --to v0003
        gatehouse cert show shop.test             which versions there are

      Exit code 0: good. 1: there is a warning. 2: refused; nothing was changed.
      """)

  @Argument(help: "The certificate's name, as `gatehouse cert list` prints it.")
  var name: String

  @Option(help: "The version, such as v0003.")
  var to: String?

  @Flag(help: "Even one that has expired or is quarantined.")
  var force = false

  @OptionGroup var serving: ServingOptions
  @OptionGroup var options: CertOptions

  func run() throws {
    try CertFailure.explained {
      let activation = Activation(
        in: try options.store(), ask: try serving.question(options))
      let outcome = try activation.rollBack(
        name, to: try to.map(CertNames.version), isForced: force, isDryRun: serving.dryRun)
      return try CertOutcome(outcome, asked: "back to").print(asJSON: options.json)
    }
  }
}
