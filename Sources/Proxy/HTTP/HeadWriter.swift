/// What a forwarded request says beside what the client said.
struct RequestContext {
  let address: IPAddress
  let isTLS: Bool
  let listenerPort: UInt16
  let requestID: RequestID
  /// What the client has proven to be, as `Client-Cert` tells it; empty where nothing.
  var certificate: [UInt8] = []
  var trace: TraceParent?
}

struct ResponseContext {
  let isHTTP10: Bool
  let keepsAlive: Bool
  let isUpgrade: Bool
  let isChunked: Bool
  /// In place of chunks that an HTTP/1.0 client can't read, nothing: the end is the close.
  let length: UInt64?
  let requestID: RequestID
}

/// Response header fields from the configuration, ready to be sent.
struct ResponseHeaders {
  /// `Name: value` and CR LF, each.
  let lines: [UInt8]
  private let names: [[UInt8]]

  init(_ fields: [(name: String, value: String)]) {
    lines = fields.flatMap { Array("\($0.name): \($0.value)\r\n".utf8) }
    names = fields.map { Array($0.name.utf8) }
  }

  /// The server's field of this name is replaced.
  func replaces(_ name: Span<UInt8>) -> Bool {
    for own in names where FieldValue.isSameName(own.span, name) { return true }
    return false
  }
}

/// Writes the heads that go out; framing and forwarding fields are always ours.
enum HeadWriter {
  /// More than all that is added to a head: names, an address, an ID, numbers.
  static let addedLimit = 1024

  /// False when there is no room.
  static func writeRequest(
    _ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ context: RequestContext,
    host: Span<UInt8>, into output: inout OutputSpan<UInt8>
  ) -> Bool {
    // Host may be written twice, once for X-Forwarded-Host.
    let needed =
      head.byteCount + head.authority.count + host.count + context.certificate.count + addedLimit
    guard output.freeCapacity > needed else { return false }
    output.put(bytes.extracting(head.methodText))
    output.put(" ")
    if head.path.isEmpty {
      // Without a path and a query it is about the server itself (RFC 9112, section 3.2.4).
      let isOfServer = head.method == .options && head.path.end == head.target.end
      output.put(isOfServer ? "*" : "/")
    }
    output.put(bytes.extracting(Int(head.path.start)..<Int(head.target.end)))
    output.put(" HTTP/1.1\r\nHost: ")
    output.put(host.isEmpty ? bytes.extracting(head.authority) : host)
    output.put("\r\n")
    for index in head.fields.indices where !head.fields[index].isDropped {
      putField(head.fields[index], bytes, into: &output)
    }
    putForwarding(head, bytes, context, into: &output)
    putFraming(head, into: &output)
    output.put("\r\n")
    return true
  }

  /// `lines`: fields beside the server's own, each with its CR LF.
  static func writeResponse(
    _ head: borrowing ResponseHead, _ bytes: Span<UInt8>, _ context: ResponseContext,
    setting headers: ResponseHeaders?, adding lines: Span<UInt8>,
    into output: inout OutputSpan<UInt8>
  ) -> Bool {
    let added = (headers?.lines.count ?? 0) + lines.count
    guard output.freeCapacity > head.byteCount + added + addedLimit else { return false }
    putStatusLine(head, bytes, into: &output)
    for index in head.fields.indices where !head.fields[index].isDropped {
      if let headers, headers.replaces(bytes.extracting(head.fields[index].name)) { continue }
      putField(head.fields[index], bytes, into: &output)
    }
    if let headers { output.put(headers.lines.span) }
    output.put(lines)
    output.put("X-Request-ID: ")
    context.requestID.write(into: &output)
    if context.isChunked { output.put("\r\nTransfer-Encoding: chunked") }
    if let length = context.length {
      output.put("\r\nContent-Length: ")
      output.put(decimal: length)
    }
    if context.isUpgrade {
      output.put("\r\nConnection: Upgrade\r\nUpgrade: websocket")
    } else if !context.keepsAlive {
      output.put("\r\nConnection: close")
    } else if context.isHTTP10 {
      output.put("\r\nConnection: keep-alive")
    }
    output.put("\r\n\r\n")
    return true
  }

  /// A 1xx response as it came, without what is about the server's connection.
  static func writeInterim(
    _ head: borrowing ResponseHead, _ bytes: Span<UInt8>, into output: inout OutputSpan<UInt8>
  ) -> Bool {
    guard output.freeCapacity > head.byteCount + addedLimit else { return false }
    putStatusLine(head, bytes, into: &output)
    for index in head.fields.indices where !head.fields[index].isDropped {
      putField(head.fields[index], bytes, into: &output)
    }
    output.put("\r\n")
    return true
  }

  private static func putStatusLine(
    _ head: borrowing ResponseHead, _ bytes: Span<UInt8>, into output: inout OutputSpan<UInt8>
  ) {
    output.put("HTTP/1.1 ")
    output.put(decimal: head.status)
    output.put(" ")
    output.put(bytes.extracting(head.reason))
    output.put("\r\n")
  }

  private static func putField(
    _ field: HeaderField, _ bytes: Span<UInt8>, into output: inout OutputSpan<UInt8>
  ) {
    output.put(bytes.extracting(field.name))
    output.put(": ")
    output.put(bytes.extracting(field.value))
    output.put("\r\n")
  }

  private static func putForwarding(
    _ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ context: RequestContext,
    into output: inout OutputSpan<UInt8>
  ) {
    output.put("X-Forwarded-For: ")
    context.address.write(into: &output)
    output.put(context.isTLS ? "\r\nX-Forwarded-Proto: https" : "\r\nX-Forwarded-Proto: http")
    if !head.authority.isEmpty {
      output.put("\r\nX-Forwarded-Host: ")
      output.put(bytes.extracting(head.authority))
    }
    output.put("\r\nX-Forwarded-Port: ")
    output.put(decimal: context.listenerPort)
    output.put("\r\nX-Request-ID: ")
    context.requestID.write(into: &output)
    if let trace = context.trace {
      output.put("\r\ntraceparent: ")
      trace.write(into: &output)
    }
    if !context.certificate.isEmpty {
      output.put("\r\nClient-Cert: ")
      output.put(context.certificate.span)
    }
    output.put("\r\n")
  }

  private static func putFraming(
    _ head: borrowing RequestHead, into output: inout OutputSpan<UInt8>
  ) {
    switch head.framing {
    case .none, .untilClose: break
    case .length(let count):
      output.put("Content-Length: ")
      output.put(decimal: count)
      output.put("\r\n")
    case .chunked: output.put("Transfer-Encoding: chunked\r\n")
    }
    if head.wantsUpgrade {
      output.put("Connection: Upgrade\r\nUpgrade: websocket\r\n")
    } else if head.takesTrailers {
      output.put("Connection: TE\r\nTE: trailers\r\n")
    }
  }
}
