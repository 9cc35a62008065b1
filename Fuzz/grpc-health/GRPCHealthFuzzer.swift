@testable import Proxy

/// Reads what a server sent as the answer to grpc.health.v1.Health/Check.
struct GRPCHealthFuzzer: Fuzzer {
  func check(_ bytes: [UInt8]) throws(Fault) {
    let whole = Self.finding(bytes, pieces: max(1, bytes.count))
    for pieces in [1, 7, 100] {
      let other = Self.finding(bytes, pieces: pieces)
      try Fault.unless(other.finding == whole.finding, "another finding in pieces of \(pieces)")
      try Fault.unless(other.sent <= whole.sent, "more was sent in pieces of \(pieces)")
    }
    try MessageText.check(whole.finding.text)
    try Fault.unless(
      whole.finding.isGood == (whole.finding.text == "SERVING"), "good, and not serving")
    // Each answer of ours is as long as what asked for it, or shorter.
    try Fault.unless(whole.sent <= bytes.count, "\(whole.sent) bytes sent for \(bytes.count)")
    if bytes.count >= 5 { _ = GRPCHealthMessage.status(bytes) }
  }

  private static func finding(
    _ bytes: [UInt8], pieces: Int
  ) -> (finding: ProbeFinding, sent: Int) {
    var probe = GRPCProbe(service: "shop", host: "a.test", isTLS: false)
    let asked = probe.outgoing.count
    for start in stride(from: 0, to: bytes.count, by: pieces) {
      let piece = Array(bytes[start..<min(start + pieces, bytes.count)])
      if let finding = probe.take(piece.span) { return (finding, probe.outgoing.count - asked) }
    }
    return (probe.end(), probe.outgoing.count - asked)
  }
}
