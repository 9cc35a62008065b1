import Foundation
import Synchronization
import Testing

@testable import Certificates

/// A store, a Pebble, and an issuance between them.
final class Shop {
  let workshop: Workshop
  let pebble: Pebble
  let store: CertificateStore
  private let lines = Lines()

  final class Lines: Sendable {
    let all = Mutex<[String]>([])
  }

  init(_ options: Pebble.Options = Pebble.Options(), in workshop: Workshop? = nil) throws {
    let workshop = try workshop ?? Workshop()
    self.workshop = workshop
    pebble = try Pebble(options, in: workshop)
    store = CertificateStore(directory: workshop.path("certs"))
  }

  var log: [String] { lines.all.withLock { $0 } }

  func planned(_ names: String..., edit: (inout PlannedCertificate) -> Void = { _ in })
    -> PlannedCertificate
  {
    var planned = PlannedCertificate(
      name: "shop.test", names: names.compactMap { ServerName($0) }, authorities: ["pebble"])
    edit(&planned)
    return planned
  }

  func issuance(
    of planned: PlannedCertificate, from authorities: [ACMEAuthority]? = nil
  ) -> Issuance {
    var plan = CertificatePlan()
    plan.authorities = authorities ?? [pebble.authority()]
    plan.certificates = [planned]
    let lines = lines
    var issuance = Issuance(
      plan: plan, store: store, publisher: pebble.responder, agent: "gatehouse/test"
    ) { line in lines.all.withLock { $0.append(line) } }
    issuance.propagation.resolver = DNSServer(address: "127.0.0.1", port: pebble.namePort)
    issuance.propagation.limit = .seconds(5)
    return issuance
  }

  /// Issues, and makes what was staged the one that serves.
  @discardableResult
  func serve(
    _ planned: PlannedCertificate, by issuance: Issuance, now: Date = Date()
  ) throws -> [StagedVersion] {
    let staged = try issuance.issue(planned, now: now)
    for version in staged { try store.activate(version) }
    try issuance.served(planned)
    return staged
  }

  func bundle(_ name: String = "shop.test") throws -> CertificateBundle {
    try store.certificate(named: name).load()
  }

  /// What goes wrong, as a person reads it.
  func refusal(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "nothing went wrong"
  }
}
