import Proxy

/// A bound of the data plane: its setting, and where its value goes.
struct Bound<Root: Sendable, Value: Sendable>: Sendable {
  var field: Field
  var target: any WritableKeyPath<Root, Value> & Sendable
}

enum LimitFields {
  // A head must fit into a worker's buffer beside what was received with it (160 KiB).
  private static let headRange = 1 << 10...128 << 10

  static let bodyRange = 0...1 << 40

  static let sizes: [Bound<Limits, Int>] = [
    size(
      "head", \.headBytes, headRange, "Bytes of a request's line and headers; more is 431."),
    size("target", \.targetBytes, 64...64 << 10, "Bytes of a request's target; more is 414."),
    size(
      "response_head", \.responseHeadBytes, headRange,
      "Bytes of a response's line and headers; more is 502."),
    size("body", \.bodyBytes, bodyRange, "Bytes of a request body, 0 for no limit; more is 413."),
    size(
      "replay", \.replayBytes, 0...16 << 20,
      "Bytes of a request kept for the one retry; a larger one is not retried once sent."),
  ]

  static let counts: [Bound<Limits, Int>] = [
    count(
      "headers", \.headerCount, 1...10_000,
      "Header fields of a request or response; more is 431 or 502."),
    count(
      "connections", \.connections, 1...1_000_000,
      "Client connections of the whole process; more wait in the kernel's queue."),
    count(
      "requests_per_connection", \.requestsPerConnection, 1...1_000_000_000,
      "Requests on one client connection before it is closed gracefully."),
    count(
      "idle_per_server", \.idlePerServer, 0...100_000,
      "Idle connections kept to one server by one worker."),
  ]

  static let section = Section(
    "limits", "Every bound on size or number.", (sizes + counts).map(\.field))

  private static func size(
    _ name: String, _ target: any WritableKeyPath<Limits, Int> & Sendable,
    _ range: ClosedRange<Int>, _ help: String
  ) -> Bound<Limits, Int> {
    let standard = ByteSize.text(Limits()[keyPath: target])
    return Bound(field: Field(name, .size(range), standard: standard, help), target: target)
  }

  private static func count(
    _ name: String, _ target: any WritableKeyPath<Limits, Int> & Sendable,
    _ range: ClosedRange<Int>, _ help: String
  ) -> Bound<Limits, Int> {
    let standard = "\(Limits()[keyPath: target])"
    return Bound(field: Field(name, .integer(range), standard: standard, help), target: target)
  }
}

enum TimeoutFields {
  static let spans: [Bound<Timeouts, Duration>] = [
    span("handshake", \.handshake, "A TLS handshake."),
    span("head", \.head, "From a request's first byte to the end of its head; then 408."),
    span("body", \.body, "Without a byte of a request body; then 408."),
    span("idle", \.idle, "A client connection between requests."),
    span(
      "connection_age", \.connectionAge, "A client connection's age; then it closes gracefully."),
    span("connect", \.connect, "A connect to a server; then the next one is tried."),
    span("response", \.response, "Without a byte from the server; then 504."),
    span("tunnel", \.tunnel, "A tunnel without a byte either way."),
    span("pool", \.pool, "An idle connection to a server."),
    span("set_aside", \.setAside, "A server whose connect failed gets no requests for this long."),
    span("drain", \.drain, "When draining, what still runs after this is closed."),
    span(
      "ticket_key", \.ticketKey,
      "How long one key seals TLS sessions; it opens them for as long again."),
  ]

  static let section = Section("timeouts", "Every bound on time.", spans.map(\.field))

  private static func span(
    _ name: String, _ target: any WritableKeyPath<Timeouts, Duration> & Sendable, _ help: String
  ) -> Bound<Timeouts, Duration> {
    let standard = TimeSpan.text(Timeouts()[keyPath: target])
    let range: ClosedRange<Duration> = .milliseconds(1) ... .seconds(7 * 86_400)
    return Bound(field: Field(name, .duration(range), standard: standard, help), target: target)
  }
}
