import ArgumentParser
internal import Certificates
internal import Foundation

/// `gatehouse cert rotate`: a new key, whether it is due or not.
struct CertRotate: ParsableCommand {
  enum Reason: String, ExpressibleByArgument, CaseIterable { case policy, compromise }

  static let configuration = CommandConfiguration(
    commandName: "rotate",
    abstract: "Give a certificate a new key and make it the current version.",
    discussion: """
      The new version passes the gates and becomes current; then the running process
      is asked to serve it, and if one of its workers does not, the version before
      is current again by itself. The old version stays for a rollback, except with
      --reason compromise: then its key is marked, so that it never serves again,
      and its certificate is revoked.

      Certificates of `gatehouse cert dev`, of a private authority in --ca-dir, and of
      those that the configuration's `acme` plans (-c FILE) can be rotated; others
      come from their issuer: import the new one.

      EXAMPLES
        gatehouse cert rotate localhost
        gatehouse cert rotate localhost --reason compromise
        gatehouse cert rotate '*.shop.test' -c gatehouse.yaml --wait 30 --json

      Exit code 0: good. 1: there is a warning. 2: failed; the version before serves.
      """)

  @Argument(help: "The certificate's name, as `gatehouse cert list` prints it.")
  var name: String

  @Option(help: "Why: policy, or compromise where others may know the old key.")
  var reason = Reason.policy

  @Option(help: ArgumentHelp("The folder of private authorities.", valueName: "folder"))
  var caDir = "ca"

  @OptionGroup var serving: ServingOptions
  @OptionGroup var options: CertOptions

  func run() throws {
    try CertFailure.explained {
      let store = try options.store()
      let issuers = try CertIssuers.all(authorities: caDir, options, serving)
      let rotation = Rotation(
        in: store, issuers: issuers, ask: try serving.question(options))
      let rotated = try rotation.rotate(
        name, isDryRun: serving.dryRun, routedNames: options.routedNames())
      var outcome = CertOutcome(rotated, asked: "staged")
      guard reason == .compromise, rotated.ending == .current, let old = rotated.previous else {
        return try outcome.print(asJSON: options.json)
      }
      let revoked: Revocation.Outcome
      do {
        revoked = try Revocation(in: store, issuers: issuers).revoke(
          name, version: old, because: .compromise)
      } catch {
        _ = try outcome.print(asJSON: options.json)
        throw error
      }
      outcome.revocation = CertRevoke.lines(of: revoked)
      let state = try outcome.print(asJSON: options.json)
      return CertRow.worst(of: [state, revoked.answer.isDone ? .ok : .warning])
    }
  }
}

/// Who issues certificates that are rotated and revoked here, beside the development authority.
enum CertIssuers {
  /// `authorities`: the folder of the private ones; those of ACME are the configuration's.
  static func all(
    authorities directory: String, _ options: CertOptions, _ serving: ServingOptions
  ) throws -> [VersionRecord.Source: any CertificateIssuer] {
    var issuers: [VersionRecord.Source: any CertificateIssuer] = [
      .private: PrivateIssuer(directory: directory)
    ]
    if try options.plan() != nil {
      issuers[.acme] =
        try CertFetching(options, serving, try AuthorityOptions.parse([])).issuance
    }
    return issuers
  }
}
