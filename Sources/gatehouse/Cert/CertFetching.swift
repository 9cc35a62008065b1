internal import Certificates
internal import Control
internal import Foundation

/// Fetches from authorities and puts to work what came, for a command.
struct CertFetching {
  let issuance: Issuance
  private let activation: Activation
  private let isJSON: Bool

  /// `planned` comes in place of what the configuration plans.
  init(
    _ options: CertOptions, _ serving: ServingOptions, _ authority: AuthorityOptions,
    planned: PlannedCertificate? = nil
  ) throws {
    var plan = try options.plan() ?? CertificatePlan()
    plan.authorities = try authority.authorities(options)
    if let planned { plan.certificates = [planned] }
    let store = try options.store()
    issuance = Issuance(
      plan: plan, store: store,
      publisher: AdminPublisher(AdminClient(socket: try serving.path(options))),
      agent: "gatehouse/\(Version.current)",
      log: { FileHandle.standardError.write(Data("\($0)\n".utf8)) })
    activation = Activation(in: store, ask: try serving.question(options))
    isJSON = options.json
  }

  /// Prints what came of each, or with `--json` leaves it to be printed with the others.
  func fetch(
    _ planned: PlannedCertificate, into outcomes: inout [CertOutcome]
  ) throws -> CertRow.State {
    var states: [CertRow.State] = []
    do {
      for version in try issuance.issue(planned) {
        let outcome = try activation.serve(version)
        let told = CertOutcome(outcome, asked: "staged")
        outcomes.append(told)
        states.append(isJSON ? told.state : try told.print(asJSON: false))
        guard case .sentBack(let reasons) = outcome.ending else { continue }
        try issuance.failed(planned, because: reasons.joined(separator: "; "))
        return .failed
      }
      try issuance.served(planned)
    } catch let error as ACMEError {
      throw CertFailure(error.description)
    }
    return CertRow.worst(of: states)
  }
}
