internal import Foundation
internal import Proxy

/// A batch of spans as OTLP has them in JSON: `ExportTraceServiceRequest` of opentelemetry-proto 1.x.
/// IDs are hexadecimal, 64-bit numbers are text, names are in lowerCamelCase.
struct OTLPSpans: Encodable {
  struct Value: Encodable {
    var stringValue: String?
    var intValue: String?
    var boolValue: Bool?
  }
  struct Attribute: Encodable {
    let key: String
    let value: Value

    init(_ key: String, _ text: String) {
      self.key = key
      value = Value(stringValue: text)
    }
    init(_ key: String, number: Int) {
      self.key = key
      value = Value(intValue: "\(number)")
    }
  }
  struct Verdict: Encodable {
    let code: Int
    let message: String?
  }
  struct Span: Encodable {
    let traceId: String
    let spanId: String
    let parentSpanId: String?
    let name: String
    /// 2 for the request, 3 for a try.
    let kind: Int
    let startTimeUnixNano: String
    let endTimeUnixNano: String
    let attributes: [Attribute]
    let status: Verdict?
  }
  struct Scope: Encodable {
    let name: String
    let version: String
  }
  struct ScopeSpans: Encodable {
    let scope: Scope
    let spans: [Span]
  }
  struct Resource: Encodable { let attributes: [Attribute] }
  struct ResourceSpans: Encodable {
    let resource: Resource
    let scopeSpans: [ScopeSpans]
  }
  let resourceSpans: [ResourceSpans]

  init(_ traces: [FinishedTrace], service: String, host: String) {
    let resource = Resource(attributes: [
      Attribute("service.name", service), Attribute("service.version", Version.current),
      Attribute("host.name", host),
    ])
    let scope = Scope(name: "gatehouse", version: Version.current)
    resourceSpans = [
      ResourceSpans(
        resource: resource,
        scopeSpans: [ScopeSpans(scope: scope, spans: traces.flatMap(Self.spans))])
    ]
  }

  var json: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(self)).map { Array($0) } ?? []
  }

  private static let errorCode = 2

  private static func spans(_ trace: FinishedTrace) -> [Span] {
    let isError = trace.status >= 500 || (trace.status == 0 && trace.ending != .tunnelEnded)
    let request = Span(
      traceId: trace.trace, spanId: trace.span, parentSpanId: trace.parent,
      name: [method(trace), trace.route].compactMap(\.self).joined(separator: " "), kind: 2,
      startTimeUnixNano: "\(trace.began)", endTimeUnixNano: "\(trace.ended)",
      attributes: attributes(trace),
      status: isError ? Verdict(code: errorCode, message: "\(trace.ending.reason)") : nil)
    let tries = trace.tries.enumerated().map { number, one in
      Span(
        traceId: trace.trace, spanId: one.span, parentSpanId: trace.span, name: method(trace),
        kind: 3, startTimeUnixNano: "\(one.began)", endTimeUnixNano: "\(one.ended)",
        attributes: attributes(one, number, trace),
        status: one.failure.map { Verdict(code: errorCode, message: $0) })
    }
    return [request] + tries
  }

  /// Only known methods name a span: a client may invent others without end.
  private static func method(_ trace: FinishedTrace) -> String {
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"]
    return known.contains(trace.method) ? trace.method : "HTTP"
  }

  private static func attributes(_ trace: FinishedTrace) -> [Attribute] {
    let parts = trace.path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    var list = [
      Attribute("http.request.method", method(trace) == "HTTP" ? "_OTHER" : trace.method),
      Attribute("url.scheme", trace.isTLS ? "https" : "http"),
      Attribute("url.path", parts.first.map(String.init) ?? ""),
      Attribute("client.address", trace.client), Attribute("gatehouse.listener", trace.listener),
      Attribute("gatehouse.request_id", trace.requestID),
      Attribute("gatehouse.termination", "\(trace.ending.state)"),
      Attribute("gatehouse.reason", "\(trace.ending.reason)"),
    ]
    if method(trace) == "HTTP" {
      list.append(Attribute("http.request.method_original", trace.method))
    }
    if !trace.host.isEmpty { list.append(Attribute("server.address", trace.host)) }
    if let route = trace.route { list.append(Attribute("http.route", route)) }
    if let backend = trace.backend { list.append(Attribute("gatehouse.backend", backend)) }
    if trace.status > 0 {
      list.append(Attribute("http.response.status_code", number: Int(trace.status)))
    }
    return list
  }

  private static func attributes(
    _ one: FinishedTrace.Try, _ number: Int, _ trace: FinishedTrace
  ) -> [Attribute] {
    var list = [
      Attribute("http.request.method", method(trace) == "HTTP" ? "_OTHER" : trace.method),
      Attribute("server.address", one.address), Attribute("gatehouse.server", one.server),
    ]
    if number > 0 { list.append(Attribute("http.request.resend_count", number: number)) }
    if let failure = one.failure {
      list.append(Attribute("error.type", failure))
    } else if trace.status > 0 {
      list.append(Attribute("http.response.status_code", number: Int(trace.status)))
    }
    return list
  }
}
