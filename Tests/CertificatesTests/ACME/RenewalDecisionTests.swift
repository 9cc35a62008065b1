import Foundation
import Testing

@testable import Certificates

/// What is due, over a store without any authority.
struct RenewalDecisionTests {
  struct NoEdge: ChallengePublisher {
    func present(_ challenge: LiveChallenge) throws {}
    func withdraw(_ challenge: LiveChallenge) {}
  }

  private let workshop: Workshop
  private let store: CertificateStore

  init() throws {
    workshop = try Workshop()
    store = CertificateStore(directory: workshop.path("certs"))
  }

  private func issuance(_ planned: PlannedCertificate) -> Issuance {
    var plan = CertificatePlan()
    plan.certificates = [planned]
    return Issuance(plan: plan, store: store, publisher: NoEdge(), agent: "gatehouse/test") { _ in }
  }

  private var planned: PlannedCertificate {
    PlannedCertificate(name: "shop.test", names: [.dns("shop.test")], authorities: ["none"])
  }

  private func put(_ source: VersionRecord.Source, days: Int = 30) throws {
    try workshop.makeCertificate("a", more: ["-days", "\(days)"])
    let issued = IssuedCertificate(
      chainPEM: try workshop.bytes("a.crt"), keyPEM: try workshop.bytes("a.key"))
    try store.activate(try store.stage(issued, as: "shop.test", source: source))
  }

  @Test func `one that is missing is due`() throws {
    #expect(issuance(planned).due() == [planned])
    #expect(issuance(planned).outlook().first?.reason == .missing)
    #expect(issuance(planned).nextWake(now: .distantPast) <= Date.distantPast + 86_400)
  }

  @Test(arguments: [VersionRecord.Source.acme, .import])
  func `one that is good is not due until a third of its lifetime is left`(
    _ source: VersionRecord.Source
  ) throws {
    try put(source)
    let now = Date()
    #expect(issuance(planned).due(now: now) == [])
    #expect(issuance(planned).due(now: now + 19 * 86_400) == [])
    #expect(issuance(planned).due(now: now + 20.1 * 86_400) == [planned])
    #expect(issuance(planned).nextWake(now: now) == now + 86_400)
    let moment = try #require(issuance(planned).outlook(now: now).first?.renewsAt)
    #expect(issuance(planned).nextWake(now: moment - 100) == moment)
  }

  @Test func `a development certificate stands in only until there is a real one`() throws {
    try put(.development)
    #expect(issuance(planned).due() == [planned])
  }

  @Test func `a certificate with a name or a kind of key less than planned is due`() throws {
    try put(.acme)
    var other = planned
    other.names.append(.dns("new.shop.test"))
    #expect(issuance(other).due() == [other])
    other = planned
    other.keys = [.ecdsaP384]
    #expect(issuance(other).due() == [other])
    other.keys = [.ecdsaP256, .rsa2048]
    #expect(issuance(other).due() == [other])
    #expect(issuance(other).outlook().map(\.certificate) == ["shop.test", "shop.test.rsa"])
    #expect(issuance(other).outlook().map(\.reason) == [.lifetime, .missing])
  }

  @Test func `a certificate whose files are damaged is due`() throws {
    try put(.acme)
    try workshop.write("garbage", to: "certs/shop.test/v0001/fullchain.pem")
    #expect(issuance(planned).due() == [planned])
  }

  @Test func `an authority that asked to be left alone is not asked before that`() throws {
    var plan = CertificatePlan()
    plan.certificates = [planned]
    plan.authorities = [
      ACMEAuthority(name: "none", directory: "https://127.0.0.1:\(try freePort())/dir")
    ]
    let issuance = Issuance(
      plan: plan, store: store, publisher: NoEdge(), agent: "gatehouse/test"
    ) { _ in }
    let now = Date()
    try issuance.file.update { $0.pauses[plan.authorities[0].directory] = now + 600 }
    let early = #expect(throws: ACMEError.self) { try issuance.issue(planned, now: now) }
    #expect(early?.problem.contains("asked to be left alone until") == true)
    let late = #expect(throws: ACMEError.self) { try issuance.issue(planned, now: now + 601) }
    #expect(late?.problem.contains("cannot connect") == true, "\(late as Any)")
  }

  @Test func `a store that cannot be read orders nothing`() throws {
    try workshop.write("a file where the folder should be", to: "certs")
    #expect(issuance(planned).due() == [])
    #expect(throws: ACMEError.self) { try issuance(planned).issue(planned) }
  }

  @Test func `any number in the memory is survived`() throws {
    try FileManager.default.createDirectory(
      atPath: workshop.path("certs/.acme"), withIntermediateDirectories: true)
    for number in ["9223372036854775807", "-9223372036854775808"] {
      let date = "\"2027-01-01T00:00:00Z\""
      let entry = "{\"failures\":\(number),\"last\":\(date),\"next\":\(date)}"
      try workshop.write(
        "{\"attempts\":{\"shop.test\":\(entry)},\"origins\":{},\"pauses\":{}}",
        to: "certs/.acme/renewals.json")
      #expect(issuance(planned).outlook().first?.failures == Int(number))
      #expect(throws: ACMEError.self) { try issuance(planned).issue(planned) }
      #expect((1...1_001).contains(issuance(planned).outlook().first?.failures ?? 0))
    }
  }
}
