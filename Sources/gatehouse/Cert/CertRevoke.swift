import ArgumentParser
internal import Certificates
internal import Control

/// `gatehouse cert revoke`: take a version out of use for good.
struct CertRevoke: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke",
    abstract:
      "Take a version out of use for good, and have it revoked where that can be done here.",
    discussion: """
      The version is quarantined, and with --reason compromise no certificate of the
      same key is ever made current again. One of a private authority (`gatehouse
      ca`) is put on its list, one of the configuration's `acme` (-c FILE) is revoked by
      its authority; of others it is said what to tell their issuer.
      What serves goes on serving: rotate it, or import a new one, first.

      EXAMPLES
        gatehouse cert rotate shop.test && gatehouse cert revoke shop.test --version v0007
        gatehouse cert revoke shop.test --version 7 --reason superseded
        gatehouse cert revoke shop.test --version 7 --ca-dir /etc/gatehouse/ca

      Exit code 0: done. 1: done, and something is left for you. 2: failed.
      """)

  @Argument(help: "The certificate's name, as `gatehouse cert list` prints it.")
  var name: String

  @Option(help: "The version, such as v0007.")
  var version: String

  @Option(help: "compromise, superseded, cessation, affiliation or unspecified.")
  var reason = RevocationReason.compromise

  @Option(help: ArgumentHelp("The folder of private authorities.", valueName: "folder"))
  var caDir = "ca"

  @Flag(help: "Tell what would be done; nothing changes.")
  var dryRun = false

  @OptionGroup var options: CertOptions

  func run() throws {
    try CertFailure.explained {
      let revocation = Revocation(
        in: try options.store(),
        issuers: try CertIssuers.all(
          authorities: caDir, options, try ServingOptions.parse([])))
      let outcome = try revocation.revoke(
        name, version: try CertNames.version(version), because: reason, isDryRun: dryRun)
      if options.json {
        print(try jsonText(Facts(outcome)))
      } else {
        for line in Self.lines(of: outcome, isDryRun: dryRun) { print(line) }
      }
      return outcome.isCurrent || !outcome.answer.isDone ? .warning : .ok
    }
  }

  static func lines(of outcome: Revocation.Outcome, isDryRun: Bool = false) -> [String] {
    let version = CertificateStore.versionName(outcome.version)
    var lines = [
      "\(outcome.certificate) \(version) \(isDryRun ? "would be" : "is") quarantined"
        + (outcome.isKeyMarked
          ? ", and its key \(isDryRun ? "would never serve" : "never serves") here again" : "")
    ]
    lines += outcome.answer.lines
    if outcome.isCurrent {
      lines.append(
        "warning: \(version) still serves; give it a new key: "
          + "gatehouse cert rotate \(outcome.certificate), or import a new certificate")
    }
    return lines
  }

  private struct Facts: Encodable {
    let name: String
    let version: String
    let serial: String
    let isCurrent: Bool
    let isKeyMarked: Bool
    let isDone: Bool
    let notes: [String]

    init(_ outcome: Revocation.Outcome) {
      name = outcome.certificate
      version = CertificateStore.versionName(outcome.version)
      serial = outcome.serial
      isCurrent = outcome.isCurrent
      isKeyMarked = outcome.isKeyMarked
      notes = outcome.answer.lines
      isDone = outcome.answer.isDone
    }
  }
}
