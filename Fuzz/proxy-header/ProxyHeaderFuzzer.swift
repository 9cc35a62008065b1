@testable import Proxy

/// Reads what a balancer in front says of the client.
struct ProxyHeaderFuzzer: Fuzzer {
  func check(_ bytes: [UInt8]) throws(Fault) {
    let outcome = ProxyProtocol.parse(bytes.span)
    switch outcome {
    case .malformed: break
    case .needsMore:
      // The reader looks at no more than that: it would wait in vain.
      try Fault.unless(bytes.count < ProxyProtocol.byteLimit, "waits behind the limit")
    case .local(let count): try Self.checkCount(count, bytes)
    case .client(let address, let port, let count):
      try Self.checkCount(count, bytes)
      try Self.checkWritten(address, port)
    }
    // However it is cut: what a part says holds for the whole.
    for count in 0..<min(bytes.count, 300) {
      let part = ProxyProtocol.parse(bytes.span.extracting(0..<count))
      try Fault.unless(part == .needsMore || part == outcome, "another header in \(count) bytes")
    }
  }

  private static func checkCount(_ count: Int, _ bytes: [UInt8]) throws(Fault) {
    try Fault.unless(
      count > 0 && count <= bytes.count && count <= ProxyProtocol.byteLimit,
      "a header of \(count) bytes in \(bytes.count)")
    try Fault.unless(ProxyProtocol.begins(bytes.span) == true, "a header that begins as none")
  }

  private static func checkWritten(_ address: IPAddress, _ port: UInt16) throws(Fault) {
    for version in [ProxyProtocol.Version.text, .binary] {
      let buffer = ByteBuffer(capacity: ProxyProtocol.writtenLimit)
      defer { buffer.free() }
      var output = buffer.output(at: 0)
      ProxyProtocol.write(version, client: address, port, target: address, 1, into: &output)
      let count = output.count
      let written = [UInt8](copying: buffer.bytes(0..<count))
      let expected = ProxyProtocol.Outcome.client(address, port: port, byteCount: written.count)
      try Fault.unless(ProxyProtocol.parse(written.span) == expected, "read otherwise than written")
    }
  }
}
