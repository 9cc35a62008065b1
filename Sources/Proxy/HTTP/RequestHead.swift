/// Where a piece of a head lies in the buffer that it was parsed from, half-open.
struct ByteRange: Equatable {
  var start: UInt32 = 0
  var end: UInt32 = 0

  init() {}

  init(_ start: Int, _ end: Int) {
    self.start = UInt32(truncatingIfNeeded: start)
    self.end = UInt32(truncatingIfNeeded: end)
  }

  var count: Int { Int(end) - Int(start) }
  var isEmpty: Bool { start == end }
}

extension Span<UInt8> {
  @_lifetime(copy self)
  func extracting(_ range: ByteRange) -> Span<UInt8> {
    extracting(Int(range.start)..<Int(range.end))
  }

  /// Equal to a lower-case text, ASCII case aside.
  func isEqual(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    let other = unsafe UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    for index in indices {
      let byte = self[index]
      let folded = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
      guard unsafe folded == other[index] else { return false }
    }
    return true
  }
}

enum Method: UInt8 {
  case get, head, post, put, delete, options, trace, patch, connect, other

  init(_ text: Span<UInt8>) {
    // Methods are case-sensitive (RFC 9110, section 9.1); `isEqual` folds, so look at the case too.
    for index in text.indices where text[index] >= 0x61 && text[index] <= 0x7a {
      self = .other
      return
    }
    switch text.count {
    case 3: self = text.isEqual("get") ? .get : text.isEqual("put") ? .put : .other
    case 4: self = text.isEqual("head") ? .head : text.isEqual("post") ? .post : .other
    case 5: self = text.isEqual("patch") ? .patch : text.isEqual("trace") ? .trace : .other
    case 6: self = text.isEqual("delete") ? .delete : .other
    case 7:
      self = text.isEqual("options") ? .options : text.isEqual("connect") ? .connect : .other
    default: self = .other
    }
  }

  /// As it stands in a request's line; nil where only its sender knows.
  var text: StaticString? {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .delete: "DELETE"
    case .options: "OPTIONS"
    case .trace: "TRACE"
    case .patch: "PATCH"
    case .connect: "CONNECT"
    case .other: nil
    }
  }

  /// Twice does no more than once (RFC 9110, section 9.2.2).
  var isIdempotent: Bool {
    switch self {
    case .get, .head, .put, .delete, .options, .trace: true
    case .post, .patch, .connect, .other: false
    }
  }
}

/// How a message's body ends (RFC 9112, section 6).
enum BodyFraming: Equatable {
  case none
  case length(UInt64)
  case chunked
  /// A response's only.
  case untilClose
}

/// Which form of an error a client would rather read.
enum AcceptedReply { case text, html, json }

struct HeaderField {
  var name: ByteRange
  var value: ByteRange
  var known: KnownHeader
  /// Not forwarded: it is about this connection, or made anew.
  var isDropped: Bool
}

/// A request's head as it was received: ranges into the buffer. One per worker, filled again and
/// again, so its fields keep their memory.
struct RequestHead {
  var method = Method.get
  var methodText = ByteRange()
  /// As it was received.
  var target = ByteRange()
  /// Without scheme, authority and query; empty where an absolute target has none.
  var path = ByteRange()
  var query = ByteRange()
  /// Of Host, without the port; empty for HTTP/1.0 without one.
  var host = ByteRange()
  /// All of Host.
  var authority = ByteRange()
  var isHTTP10 = false
  var fields: [HeaderField] = []
  var framing = BodyFraming.none
  var keepsAlive = true
  var expectsContinue = false
  var wantsUpgrade = false
  var takesTrailers = false
  var accepts = AcceptedReply.text
  /// Of the whole head, with the empty line that ends it.
  var byteCount = 0
  /// How far an incomplete head has been looked at.
  var scanned = 0
}

/// A response's head, likewise.
struct ResponseHead {
  var status: UInt16 = 0
  var isHTTP10 = false
  var reason = ByteRange()
  var fields: [HeaderField] = []
  var framing = BodyFraming.none
  var keepsAlive = true
  var byteCount = 0

  /// 1xx, and the final response is still to come; 101 is final.
  var isInterim: Bool { status < 200 && status != 101 }
}

struct HeadLimits {
  let bytes: Int
  let targetBytes: Int
  let fields: Int
}
