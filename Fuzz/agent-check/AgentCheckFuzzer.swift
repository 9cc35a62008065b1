@testable import Proxy

/// Reads what an agent said as its one line.
struct AgentCheckFuzzer: Fuzzer {
  func check(_ bytes: [UInt8]) throws(Fault) {
    let whole = Self.finding(bytes, pieces: max(1, bytes.count))
    for pieces in [1, 7] {
      try Fault.unless(
        Self.finding(bytes, pieces: pieces) == whole, "another finding in pieces of \(pieces)")
    }
    try MessageText.check(whole.text)
    guard let agent = whole.agent else {
      return try Fault.unless(!whole.isGood, "good without an answer")
    }
    try MessageText.check(agent.reason)
    try Fault.unless(whole.isGood == agent.isUp, "up and down at once")
    try Fault.unless(
      agent.percent.map { (0...AgentAnswer.percentLimit).contains($0) } ?? true,
      "a share of \(agent.percent ?? 0) %")
    // What follows the line says nothing.
    let end = bytes.firstIndex(of: 0x0a) ?? bytes.count
    try Fault.unless(AgentAnswer(Array(bytes[..<end])) == agent, "another answer of its line")
  }

  private static func finding(_ bytes: [UInt8], pieces: Int) -> ProbeFinding {
    var probe = AgentProbe()
    for start in stride(from: 0, to: bytes.count, by: pieces) {
      let piece = Array(bytes[start..<min(start + pieces, bytes.count)])
      if let finding = probe.take(piece.span) { return finding }
    }
    return probe.end()
  }
}
