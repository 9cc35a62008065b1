import ArgumentParser
internal import Certificates
internal import Control
internal import Foundation

/// `gatehouse cert renew`: the same names again, if it is time.
struct CertRenew: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "renew",
    abstract: "Fetch again what is due of the certificates that a configuration plans.",
    discussion: """
      The running process does this by itself; this is for who wants it now, or runs
      no process. Due is what is missing, or what its authority wants renewed, or
      what has a third of its life left. To give one a new key whether it is due or
      not: gatehouse cert rotate.

      EXAMPLES
        gatehouse cert renew -c gatehouse.yaml --dry-run    what is due, and when
        gatehouse cert renew -c gatehouse.yaml              all that is due
        gatehouse cert renew www.example.com -c gatehouse.yaml --force

      Exit code 0: good, or nothing is due. 1: there is a warning. 2: one has failed.
      """)

  @Argument(help: "Only this one of the plan.")
  var name: String?

  @Flag(help: "Fetch it though it is not due.")
  var force = false

  @OptionGroup var serving: ServingOptions
  @OptionGroup var options: CertOptions

  func run() throws {
    try CertFailure.explained {
      guard let plan = try options.plan() else {
        throw CertFailure("what is renewed stands under `acme` of a configuration: -c FILE")
      }
      let fetching = try CertFetching(options, serving, try AuthorityOptions.parse([]))
      guard !serving.dryRun else { return try tell(fetching.issuance.outlook()) }
      fetching.issuance.refreshRenewalInformation()
      let all = try chosen(plan, fetching.issuance)
      if all.isEmpty, !options.json {
        print("nothing is due; when it is: gatehouse cert renew --dry-run")
      }
      var outcomes: [CertOutcome] = []
      var states: [CertRow.State] = []
      for planned in all {
        do {
          states.append(try fetching.fetch(planned, into: &outcomes))
        } catch let failure as CertFailure {
          FileHandle.standardError.write(Data("gatehouse cert: \(failure.reason)\n".utf8))
          states.append(.failed)
        }
      }
      if options.json { print(try jsonText(outcomes)) }
      return CertRow.worst(of: states)
    }
  }

  private func chosen(
    _ plan: CertificatePlan, _ issuance: Issuance
  ) throws -> [PlannedCertificate] {
    let due = issuance.due().map(\.name)
    guard let name else { return plan.certificates.filter { force || due.contains($0.name) } }
    guard let planned = plan.certificates.first(where: { $0.name == name }) else {
      let known = plan.certificates.map(\.name).joined(separator: ", ")
      throw CertFailure("\(name) is not planned; there are: \(known)")
    }
    return force || due.contains(name) ? [planned] : []
  }

  private func tell(_ outlook: [Issuance.Outlook]) throws -> CertRow.State {
    let rows = outlook.map(CertRenewal.init)
    if options.json {
      print(try jsonText(rows))
    } else {
      print(table(["NAME", "AUTHORITY", "RENEWS", "BECAUSE OF", "STATE"], rows.map(\.cells)))
    }
    return rows.contains { $0.failures > 0 } ? .warning : .ok
  }
}

/// When one certificate is due.
struct CertRenewal: Encodable {
  let name: String
  let authority: String?
  let renews: String
  let reason: String
  let isDue: Bool
  let failures: Int
  let lastProblem: String?

  init(_ outlook: Issuance.Outlook) {
    name = outlook.certificate
    authority = outlook.authority
    renews = certTime(outlook.renewsAt)
    reason = outlook.reason.rawValue
    isDue = outlook.renewsAt <= Date()
    failures = outlook.failures
    lastProblem = outlook.failures > 0 ? outlook.lastProblem : nil
  }

  var cells: [String] {
    let state =
      failures > 0 ? "FAILED \(failures) times: \(lastProblem ?? "?")" : isDue ? "due" : "ok"
    return [name, authority ?? "-", renews, reason, state]
  }
}
