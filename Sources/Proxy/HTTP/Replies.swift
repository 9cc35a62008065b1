/// What the proxy answers in a server's place.
enum Reply {
  case refused(HeadRejection)
  case badPath, forbidden, noRoute, misdirected, contentTooLarge, headTooLarge, requestTimeout
  case badGateway, noServer, gatewayTimeout, noPrimary, queueFull, queueTimeout

  var status: UInt16 {
    switch self {
    case .refused(let why): why.status
    case .badPath: 400
    case .forbidden: 403
    case .noRoute: 404
    case .requestTimeout: 408
    case .contentTooLarge: 413
    case .misdirected: 421
    case .headTooLarge: 431
    case .badGateway: 502
    case .noServer, .noPrimary, .queueFull, .queueTimeout: 503
    case .gatewayTimeout: 504
    }
  }

  var reason: StaticString {
    switch self {
    case .refused(let why): why.reason
    case .badPath: "the path could be read in more than one way"
    case .forbidden: "this is not for you"
    case .noRoute: "nothing is served here under this host and path"
    case .requestTimeout: "the request did not arrive in time"
    case .contentTooLarge: "the body is larger than is taken here"
    case .misdirected: "this host is not served over this connection"
    case .headTooLarge: "the head is too large"
    case .badGateway: "the server behind did not answer as it should"
    case .noServer: "no server behind is ready; try again soon"
    case .noPrimary: "no server takes writes just now; try again soon"
    case .queueFull: "too many wait for a server already; try again soon"
    case .queueTimeout: "no server had room in time; try again soon"
    case .gatewayTimeout: "the server behind did not answer in time"
    }
  }
}

/// Whom a reply is for.
struct ReplyContext {
  let requestID: RequestID
  let isHead: Bool
  let accepts: AcceptedReply
  let isHTTP10: Bool
  let keepsAlive: Bool
}

/// Off the common path, so written plainly: these allocate.
enum Replies {
  /// More than any reply is long, but for the parts that its caller brings.
  static let limit = 2048

  /// An error, in the form that the client would rather read; the caller has room for `limit`.
  static func write(
    _ reply: Reply, _ context: ReplyContext, into output: inout OutputSpan<UInt8>
  ) {
    let (type, body) = content(of: reply, context)
    putStatusLine(reply.status, into: &output)
    output.put("Content-Type: ")
    output.put(type)
    output.put("\r\n")
    if reply.status == 503 { output.put("Retry-After: 5\r\n") }
    if reply.status == 405 { output.put("Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n") }
    putEnd(body.count, context, into: &output)
    if !context.isHead { output.put(body.span) }
  }

  private static func content(
    of reply: Reply, _ context: ReplyContext
  ) -> (StaticString, [UInt8]) {
    let title = "\(reply.status) \(title(of: reply.status))"
    let reason = reply.reason.description
    let id = context.requestID.description
    switch context.accepts {
    case .text:
      return ("text/plain; charset=utf-8", Array("\(title): \(reason)\nrequest \(id)\n".utf8))
    case .json:
      let text = #"{"status":\#(reply.status),"reason":"\#(reason)","request_id":"\#(id)"}"#
      return ("application/json", Array("\(text)\n".utf8))
    case .html:
      let text = """
        <!doctype html><html lang="en"><title>\(title)</title><h1>\(title)</h1>
        <p>\(reason)</p><p>Request <code>\(id)</code></p></html>

        """
      return ("text/html; charset=utf-8", Array(text.utf8))
    }
  }

  static func writeContinue(into output: inout OutputSpan<UInt8>) {
    output.put("HTTP/1.1 100 Continue\r\n\r\n")
  }

  /// The head of a local responder's answer; `lines` are fields of its own, each with its CR LF.
  static func writeHead(
    status: UInt16, contentType: Span<UInt8>, count: Int?, _ context: ReplyContext,
    adding lines: [UInt8] = [], into output: inout OutputSpan<UInt8>
  ) {
    putStatusLine(status, into: &output)
    output.put("Content-Type: ")
    output.put(contentType)
    output.put("\r\n")
    output.put(lines.span)
    putEnd(count, context, into: &output)
  }

  /// A redirect; the target has no byte below 0x21, so no field can be smuggled into it.
  /// `lines`: header fields of the route, each with its CR LF.
  static func writeRedirect(
    to location: Span<UInt8>, status: UInt16, _ context: ReplyContext, adding lines: Span<UInt8>,
    into output: inout OutputSpan<UInt8>
  ) {
    putStatusLine(status, into: &output)
    output.put("Location: ")
    output.put(location)
    output.put("\r\n")
    output.put(lines)
    putEnd(0, context, into: &output)
  }

  private static func putEnd(
    _ count: Int?, _ context: ReplyContext, into output: inout OutputSpan<UInt8>
  ) {
    if let count {
      output.put("Content-Length: ")
      output.put(decimal: count)
      output.put("\r\n")
    }
    output.put("X-Request-ID: ")
    context.requestID.write(into: &output)
    if !context.keepsAlive {
      output.put("\r\nConnection: close")
    } else if context.isHTTP10 {
      output.put("\r\nConnection: keep-alive")
    }
    output.put("\r\n\r\n")
  }

  private static func putStatusLine(_ status: UInt16, into output: inout OutputSpan<UInt8>) {
    output.put("HTTP/1.1 ")
    output.put(decimal: status)
    output.put(" ")
    output.put(title(of: status))
    output.put("\r\n")
  }

  static func title(of status: UInt16) -> StaticString {
    switch status {
    case 200: "OK"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 307: "Temporary Redirect"
    case 308: "Permanent Redirect"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 412: "Precondition Failed"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 417: "Expectation Failed"
    case 421: "Misdirected Request"
    case 422: "Unprocessable Content"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    default: "Status"
    }
  }
}
