import Foundation
import Testing

@testable import Certificates

struct CertificateOrderTests {
  @Test func `an order goes through while every fifth nonce is refused`() throws {
    let workshop = try Workshop()
    let pebble = try Pebble(in: workshop)
    let client = try ACMEClient(
      pebble.authority(), certificates: workshop.path("certs"), agent: "gatehouse/test"
    ) { _ in }
    let planned = PlannedCertificate(
      name: "shop.test", names: [.dns("shop.test"), .dns("www.shop.test")],
      authorities: ["pebble"])
    let order = CertificateOrder(client: client, planned: planned, publisher: pebble.responder)
    let key = try PrivateKey.generate()
    var chain = try order.chain(for: key, replaces: nil)
    // By chance the first order may have met none.
    for _ in 0..<20 where client.refusedNonces == 0 {
      chain = try order.chain(for: key, replaces: nil)
    }
    #expect(client.refusedNonces > 0)
    let report = CertificateGates.check(chainPEM: chain, keyPEM: try key.pem(), name: "shop.test")
    #expect(report.failures.isEmpty, "\(report.failures)")
    #expect(report.bundle?.names == planned.names)
    #expect(pebble.responder.published.isEmpty)
  }
}
