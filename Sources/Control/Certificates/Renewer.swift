internal import Certificates
internal import Configuration
internal import Foundation
internal import Logging
internal import Synchronization

/// Fetches what a plan asks for when it is due, and puts it to work through the same gates and probes
/// as any other; whatever fails, what serves goes on.
final class Renewer: Sendable {
  private struct State {
    var plan: CertificatePlan?
    var folder = ""
    var wake = Date.distantPast
    var outlook: [Issuance.Outlook] = []
  }

  private let state = Mutex(State())
  private let desk: CertificateDesk
  private let board: ChallengeBoard
  private let logger: Logger

  init(_ desk: CertificateDesk, _ board: ChallengeBoard, _ logger: Logger) {
    self.desk = desk
    self.board = board
    self.logger = logger
  }

  func adopt(_ loaded: LoadedConfiguration) {
    state.withLock {
      $0 = State(plan: loaded.acme?.plan, folder: loaded.acme?.folder ?? "")
    }
  }

  /// What is planned, and when each is due; as of the last look.
  var outlook: [Issuance.Outlook] { state.withLock { $0.outlook } }

  /// Looks whether something is due, and does it: seconds to minutes. To be called every second.
  func work() {
    let now = Date()
    let (plan, folder, wake) = state.withLock { ($0.plan, $0.folder, $0.wake) }
    guard let plan, wake <= now else { return }
    let store = CertificateStore(directory: folder)
    let issuance = Issuance(
      plan: plan, store: store, publisher: BoardPublisher(board: board),
      agent: "gatehouse/\(Version.current)", log: { [logger] in logger.notice("acme: \($0)") })
    issuance.refreshRenewalInformation(now: now)
    for planned in issuance.due(now: now) { renew(planned, issuance, store) }
    state.withLock {
      // A new generation may have come meanwhile: then it is looked at at once.
      guard $0.plan == plan, $0.folder == folder else { return }
      $0.outlook = issuance.outlook(now: Date())
      $0.wake = issuance.nextWake(now: Date())
    }
  }

  private func renew(
    _ planned: PlannedCertificate, _ issuance: Issuance, _ store: CertificateStore
  ) {
    logger.notice("acme: \(planned.name) is due", metadata: .about(planned.name))
    do {
      let staged = try issuance.issue(planned)
      let activation = Activation(in: store) { [desk] name, leaf in
        desk.refresh(isAsked: true)
          .judgement(of: name, in: store.directory, leaf: leaf, process: "itself").settled
      }
      for version in staged {
        let outcome = try activation.serve(version)
        guard case .sentBack(let reasons) = outcome.ending else { continue }
        let why = reasons.joined(separator: "; ")
        try issuance.failed(planned, because: why)
        return logger.error(
          "acme: \(version.certificate) \(version.name) was sent back: \(why)",
          metadata: .about(planned.name))
      }
      try issuance.served(planned)
      let names = staged.map { "\($0.certificate) \($0.name)" }.joined(separator: ", ")
      logger.notice("acme: \(names) serves", metadata: .about(planned.name))
    } catch {
      logger.error(
        "acme: \(planned.name) was not renewed, what serves goes on: \(error)",
        metadata: .about(planned.name))
    }
  }
}
