import Foundation
import Testing

@testable import Certificates

struct LyingAuthorityTests {
  @Test func `an authority whose answers are changed on the way stops no server and stages no lie`()
    throws
  {
    let shop = try Shop()
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Stubs/liar.py").path
    let program = try Background(
      "python3", [script, shop.workshop.folder, "\(shop.pebble.port)"],
      log: shop.workshop.path("liar.log"))
    let port = try program.line(with: "port ").dropFirst(5)
    var authority = shop.pebble.authority()
    authority.directory = "https://127.0.0.1:\(port)/dir"
    let planned = shop.planned("shop.test", "www.shop.test")
    let issuance = shop.issuance(of: planned, from: [authority])
    var (staged, problems) = (0, Set<String>())
    for _ in 0..<60 {
      do throws(ACMEError) {
        for version in try issuance.issue(planned) {
          #expect(version.report.failures.isEmpty)
          let names = version.report.bundle?.names ?? []
          #expect(Set(planned.names).isSubset(of: names))
          staged += 1
        }
      } catch {
        problems.insert(error.problem)
        #expect(error.description.utf8.count < 10_000)
        #expect(!error.description.unicodeScalars.contains { $0.value < 0x20 })
      }
      // A pause it asked for is no reason to end this test early.
      try issuance.file.update { $0.pauses = [:] }
    }
    #expect(staged > 3 && problems.count > 5, "\(staged): \(problems)")
    #expect(shop.pebble.responder.published.isEmpty)
  }
}
