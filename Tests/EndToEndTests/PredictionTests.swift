import Foundation
import Testing

/// Kernel, PolicyVerdict and a naive reference agree on every packet.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces and a tunnel device"))
struct PredictionTests {
  private static let script = Place.root.appendingPathComponent(
    "Tests/EndToEndTests/Oracle/prediction.py"
  ).path

  @Test func `root: 40 fixed policies and 10 random ones, 40,000 packets, one verdict each`() throws
  {
    let random = Int.random(in: 1_000_000...9_000_000)
    for (first, policies) in [(1, 40), (random, 10)] {
      let output = try run(
        "python3", [Self.script, Place.gatehouse, "\(first)", "\(policies)", "800"])
      #expect(
        output.status == 0, "from seed \(first):\n\(output.standardOutput)\(output.standardError)")
    }
  }

  @Test func `root: a reference that forgets something is found out`() throws {
    let output = try run("python3", [Self.script, Place.gatehouse, "1", "10", "500", "broken"])
    #expect(output.status == 1 && output.standardOutput.contains("disagreements"))
  }
}
