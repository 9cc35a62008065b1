import Foundation
import Testing

@testable import Certificates

/// Pebble 2.4 says nothing of renewals, so a strict stub in front of it does.
struct RenewalInformationTests {
  private struct Stub {
    let program: Background
    let authority: ACMEAuthority

    init(before shop: Shop) throws {
      let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Stubs/renewals.py").path
      program = try Background(
        "python3", [script, shop.workshop.folder, "\(shop.pebble.port)"],
        log: shop.workshop.path("stub.log"))
      let port = try program.line(with: "port ").dropFirst(5)
      var authority = shop.pebble.authority()
      authority.directory = "https://127.0.0.1:\(port)/dir"
      self.authority = authority
    }

    func lines(_ start: String) -> [String] {
      program.log.split(separator: "\n").filter { $0.hasPrefix(start) }.map {
        String($0.dropFirst(start.count + 1))
      }
    }
  }

  private func suggest(_ start: Date, _ end: Date, poll: Int = 7_200, _ shop: Shop) throws {
    let window = "\"start\":\"\(start.formatted(.iso8601))\",\"end\":\"\(end.formatted(.iso8601))\""
    let page = "https://authority.test/why"
    try shop.workshop.write(
      #"{"suggestedWindow":{\#(window)},"explanationURL":"\#(page)"}"#, to: "window.json")
    try shop.workshop.write("\(poll)", to: "poll")
  }

  @Test func `a certificate is renewed when its authority says, and the new one replaces it`()
    throws
  {
    let shop = try Shop()
    let stub = try Stub(before: shop)
    let planned = shop.planned("shop.test")
    let issuance = shop.issuance(of: planned, from: [stub.authority])
    let now = Date()
    try shop.serve(planned, by: issuance)
    #expect(stub.lines("order replaces") == ["None"])
    #expect(issuance.outlook().first?.reason == .lifetime)
    // Nothing was asked yet, so that is what comes next.
    #expect(issuance.nextWake(now: now) == now + 10)
    let start = now + 5 * 86_400
    try suggest(start, start + 86_400, shop)
    issuance.refreshRenewalInformation(now: now)
    let outlook = try #require(issuance.outlook().first)
    #expect(outlook.reason == .authority)
    #expect(outlook.explanation == "https://authority.test/why")
    #expect((start - 1...start + 86_400).contains(outlook.renewsAt))
    #expect(issuance.due(now: now) == [])
    #expect(issuance.due(now: outlook.renewsAt) == [planned])
    #expect(abs(issuance.nextWake(now: now).timeIntervalSince(now) - 7_200) < 2)
    #expect(shop.log.contains { $0.contains("to be renewed") && $0.contains("authority.test/why") })
    // Not asked again before its time, not even after a restart; and the moment stays.
    let restarted = shop.issuance(of: planned, from: [stub.authority])
    restarted.refreshRenewalInformation(now: now + 7_000)
    #expect(stub.lines("asked").count == 1)
    restarted.refreshRenewalInformation(now: now + 7_300)
    #expect(stub.lines("asked").count == 2)
    #expect(restarted.outlook().first?.renewsAt == outlook.renewsAt)
    // A revocation is near: the window lies in the past.
    try suggest(now - 7_200, now - 3_600, shop)
    restarted.refreshRenewalInformation(now: now + 15_000)
    // Not within hours of the last time: an authority that always says so would have us order on
    // and on.
    #expect(restarted.due(now: now + 5 * 3_600) == [])
    #expect(restarted.due(now: now + 7 * 3_600) == [planned])
    try shop.serve(planned, by: restarted)
    let asked = stub.lines("asked")
    #expect(stub.lines("order replaces") == ["None", asked[0]])
    #expect(Set(asked).count == 1 && stub.lines("unknown").isEmpty)
    // What was said of the certificate before does not count for the new one.
    #expect(restarted.outlook().first?.reason == .lifetime)
    #expect(restarted.due(now: now) == [])
  }

  @Test func `a certificate that was replaced already is followed by an order that says nothing`()
    throws
  {
    let shop = try Shop()
    let stub = try Stub(before: shop)
    let planned = shop.planned("shop.test")
    let issuance = shop.issuance(of: planned, from: [stub.authority])
    try shop.serve(planned, by: issuance)
    // Staged and never activated: the next order names the same certificate again.
    _ = try issuance.issue(planned)
    try shop.serve(planned, by: issuance)
    let said = stub.lines("order replaces")
    #expect(said.count == 3 && said[0] == "None" && said[1] != "None" && said[2] == "None")
    #expect(stub.lines("refused replaces") == [said[1]])
    #expect(try shop.store.certificate(named: "shop.test").version == 3)
  }

  @Test func `an authority that answers nonsense is asked again in an hour`() throws {
    let shop = try Shop()
    let stub = try Stub(before: shop)
    let planned = shop.planned("shop.test")
    let issuance = shop.issuance(of: planned, from: [stub.authority])
    try shop.serve(planned, by: issuance)
    let now = Date()
    try suggest(now + 60, now, shop)
    issuance.refreshRenewalInformation(now: now)
    #expect(issuance.outlook().first?.reason == .lifetime)
    #expect(shop.log.contains { $0.contains("no renewal window in the answer") })
    #expect(abs(issuance.nextWake(now: now).timeIntervalSince(now) - 3_600) < 2)
  }

  @Test func `an authority that is not there is asked again in an hour, at once for all`() throws {
    let shop = try Shop()
    let planned = shop.planned("shop.test") { $0.keys = [.ecdsaP256, .rsa2048] }
    let issuance = shop.issuance(of: planned)
    try shop.serve(planned, by: issuance)
    shop.pebble.stop()
    let now = Date()
    issuance.refreshRenewalInformation(now: now)
    #expect(shop.log.filter { $0.contains("cannot connect") }.count == 1)
    #expect(abs(issuance.nextWake(now: now).timeIntervalSince(now) - 3_600) < 2)
  }

  @Test func `an authority that limits us is left alone as long as it asks`() throws {
    let shop = try Shop()
    let stub = try Stub(before: shop)
    var limiting = stub.authority
    limiting.name = "limiting"
    let planned = shop.planned("shop.test") { $0.authorities = ["limiting", "pebble"] }
    let issuance = shop.issuance(of: planned, from: [limiting, shop.pebble.authority()])
    try shop.workshop.write("3600", to: "limit")
    let now = Date()
    try shop.serve(planned, by: issuance, now: now)
    #expect(shop.log.contains { $0.contains("rateLimited") && $0.contains("asks to wait 3600 s") })
    #expect(issuance.outlook().first?.authority == "pebble")
    try FileManager.default.removeItem(atPath: shop.workshop.path("limit"))
    try shop.serve(planned, by: issuance, now: now + 3_500)
    #expect(shop.log.contains { $0.contains("limiting: asked to be left alone until") })
    #expect(stub.lines("order replaces").isEmpty)
    try shop.serve(planned, by: issuance, now: now + 3_700)
    #expect(issuance.outlook().first?.authority == "limiting")
  }

  @Test func `an authority that says nothing of renewals is asked once a day`() throws {
    let shop = try Shop()
    let planned = shop.planned("shop.test")
    let issuance = shop.issuance(of: planned)
    try shop.serve(planned, by: issuance)
    let now = Date()
    issuance.refreshRenewalInformation(now: now)
    #expect(issuance.outlook().first?.reason == .lifetime)
    #expect(abs(issuance.nextWake(now: now).timeIntervalSince(now) - 86_400) < 2)
  }
}
