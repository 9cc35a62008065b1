@testable import Proxy

/// What a server gets of a request.
struct WrittenRequest {
  let bytes: [UInt8]
  var text: String { String(decoding: bytes, as: UTF8.self) }

  /// Nil when it is refused, or when there is no room for it.
  init?(
    _ bytes: [UInt8], host: String = "", context: RequestContext = .plain,
    capacity: Int = 16 << 10
  ) {
    var head = RequestHead()
    guard HeadParser.parseRequest(bytes.span, limits: .generous, into: &head) == .head else {
      return nil
    }
    var isWritten = false
    let output = writtenBytes(capacity: capacity) {
      isWritten = HeadWriter.writeRequest(
        head, bytes.span, context, host: Array(host.utf8).span, into: &$0)
    }
    guard isWritten else { return nil }
    self.bytes = output
  }

  init?(_ text: String, host: String = "", context: RequestContext = .plain) {
    self.init(Array(text.utf8), host: host, context: context)
  }
}

extension RequestContext {
  static let plain = RequestContext(
    address: .ipv4(0x0102_0304), isTLS: false, listenerPort: 80,
    requestID: RequestID(high: 0, low: 0xabc))
}
