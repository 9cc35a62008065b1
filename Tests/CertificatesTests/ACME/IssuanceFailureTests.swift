import Foundation
import Testing

@testable import Certificates

struct IssuanceFailureTests {
  @Test func `a failure keeps the version before and waits longer each time`() throws {
    let shop = try Shop()
    let planned = shop.planned("shop.test")
    let issuance = shop.issuance(of: planned)
    try shop.serve(planned, by: issuance)
    let before = try shop.bundle()
    // Pebble takes a proof of before for a new order once in a hundred times, even when it is told
    // never to; it knows none of another account.
    let accounts = shop.workshop.path("certs/.acme")
    for folder in try FileManager.default.contentsOfDirectory(atPath: accounts)
    where !folder.contains(".") {
      try FileManager.default.removeItem(atPath: "\(accounts)/\(folder)")
    }
    shop.pebble.responder.isSilent = true
    let later = before.notAfter - 10
    #expect(issuance.due(now: later) == [planned])
    issuance.refreshRenewalInformation(now: later)
    for expected in [1, 2, 5, 10, 30, 60, 120, 240, 360, 360] {
      let words = shop.refusal { _ = try issuance.issue(planned, now: later) }
      #expect(words.contains("shop.test: http-01 failed: unauthorized"), "\(words)")
      let outlook = try #require(issuance.outlook(now: later).first)
      let wait = try #require(outlook.nextAttempt).timeIntervalSince(later)
      #expect(abs(wait - Double(expected) * 60) < 2, "\(wait)")
      #expect(outlook.lastProblem?.contains("unauthorized") == true)
      #expect(issuance.due(now: later) == [])
      #expect(issuance.nextWake(now: later) == outlook.nextAttempt)
    }
    #expect(try shop.bundle() == before)
    #expect(try shop.store.certificate(named: "shop.test").versions == [1])
    #expect(shop.pebble.responder.published.isEmpty)
  }

  @Test func `a challenge that cannot be published says so, and nothing stays published`() throws {
    let shop = try Shop()
    let planned = shop.planned("shop.test", "www.shop.test") {
      $0.challenge = .dns01(.hook(path: shop.workshop.path("nothing")))
    }
    let words = shop.refusal { _ = try shop.issuance(of: planned).issue(planned) }
    #expect(words.contains("nothing: no such hook program"), "\(words)")
  }

  @Test func `a wildcard is not proven over HTTP`() throws {
    let shop = try Shop()
    let planned = shop.planned("*.shop.test")
    let words = shop.refusal { _ = try shop.issuance(of: planned).issue(planned) }
    #expect(words.contains("only by dns-01; a wildcard needs dns-01"), "\(words)")
  }

  @Test func `a refusal is told in the authority's words`() throws {
    let shop = try Shop()
    let planned = shop.planned("shop.test", "under_score.test")
    let words = shop.refusal { _ = try shop.issuance(of: planned).issue(planned) }
    #expect(words.contains("answered 400: malformed: Order included DNS identifier"), "\(words)")
  }

  @Test func `a certificate is revoked with the account that fetched it`() throws {
    let shop = try Shop()
    let planned = shop.planned("shop.test")
    let issuance = shop.issuance(of: planned)
    try shop.serve(planned, by: issuance)
    let stored = try shop.store.certificate(named: "shop.test")
    let chain = Array(try Data(contentsOf: URL(fileURLWithPath: stored.chainPath)))
    try issuance.revoke(chainPEM: chain, of: "shop.test", reason: .compromise)
    let again = shop.refusal {
      try issuance.revoke(chainPEM: chain, of: "shop.test", reason: .superseded)
    }
    #expect(again.contains("alreadyRevoked"), "\(again)")
  }

  @Test func `a damaged memory is forgotten with a warning and renewals go on`() throws {
    let shop = try Shop()
    let planned = shop.planned("shop.test")
    let issuance = shop.issuance(of: planned)
    try shop.serve(planned, by: issuance)
    try shop.workshop.write("{\"attempts\": 7", to: "certs/.acme/renewals.json")
    #expect(issuance.due() == [])
    #expect(shop.log.contains { $0.contains("renewals.json") && $0.contains("forgotten") })
    try shop.serve(planned, by: issuance)
    #expect(issuance.outlook().first?.authority == "pebble")
  }

  @Test func `an attempt that ends in the middle counts as a failure`() throws {
    let shop = try Shop()
    let planned = shop.planned("shop.test")
    let issuance = shop.issuance(of: planned)
    // As after a crash between the order and the moment it serves.
    _ = try issuance.issue(planned)
    #expect(issuance.due() == [])
    #expect(issuance.due(now: Date() + 61) == [planned])
    try issuance.failed(planned, because: "probe: worker 2 serves another one")
    #expect(issuance.outlook().first?.lastProblem == "probe: worker 2 serves another one")
  }
}
