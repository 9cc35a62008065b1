internal import Firewall

/// What becomes of a client and its request, and every step that decides it, in order.
public struct Explanation: Sendable {
  public typealias Step = PolicyExplanation.Stage

  /// What the client sees at the end.
  public enum End: Sendable, Equatable {
    /// The kernel drops its packets: no answer until the client gives up.
    case dropped
    /// Nothing listens there, so the kernel of this machine refuses the connection.
    case connectionRefused
    /// The proxy accepts the connection, and ends it at once.
    case closed
    /// The handshake ends with an alert.
    case alert(String)
    /// The client begins TLS, and is answered in clear.
    case noHandshake
    case reply(status: UInt16, title: String, reason: String)
    case redirect(status: UInt16, location: String)
    case backend(String, servers: [String])
    /// A listener that moves bytes.
    case stream(String, servers: [String])
    /// Moves bytes, and no server can take them: the connection is ended.
    case noServer(String)
    /// Let in, and nothing else was asked; or another program listens there.
    case letIn
  }

  public var end: End
  public var steps: [Step] = []
  /// What to do to have it otherwise; nil when it is served.
  public var advice: String?
  /// What can't be known, or holds under a condition.
  public var notes: [String] = []
  public var route: Int?

  /// Nothing said yet.
  init() { end = .letIn }

  /// The client gets what it came for.
  public var isServed: Bool {
    switch end {
    case .redirect, .backend, .stream, .letIn: true
    case .dropped, .connectionRefused, .closed, .alert, .noHandshake, .reply, .noServer: false
    }
  }

  /// The verdict in a line.
  public var sentence: String {
    switch end {
    case .dropped: "REFUSED: the kernel drops its packets, so its connect times out"
    case .connectionRefused: "REFUSED: nothing listens there: connection refused"
    case .closed:
      "REFUSED: the proxy ends the connection at once: reset, or an empty answer"
    case .alert(let name): "REFUSED: the handshake ends with the TLS alert \(name)"
    case .noHandshake: "REFUSED: the client begins TLS, and the listener speaks none: no handshake"
    case .reply(let status, let title, let reason): "REFUSED: \(status) \(title): \(reason)"
    case .redirect(let status, let location): "SERVED: \(status) to \(location)"
    case .backend(let name, let servers):
      "SERVED: goes to backend \(name), \(Self.listed(servers))"
    case .stream(let name, let servers):
      "SERVED: its bytes go to backend \(name), \(Self.listed(servers))"
    case .noServer(let name):
      "REFUSED: the connection is ended: no server of backend \(name) can take it"
    case .letIn: "SERVED: it may connect"
    }
  }

  private static func listed(_ servers: [String]) -> String {
    guard let last = servers.last, servers.count > 1 else {
      return "server \(servers.first ?? "none")"
    }
    return "server \(servers.dropLast().joined(separator: ", ")) or \(last)"
  }

  mutating func add(
    _ name: String, _ result: PolicyExplanation.Result, _ detail: String,
    _ place: SourcePlace? = nil
  ) {
    steps.append(
      Step(
        name: name, result: result, detail: detail,
        place: place?.inFile))
  }
}

extension Explanation: Encodable {
  enum Key: String, CodingKey {
    case verdict, end, sentence, status, reason, location, alert, backend, servers, route, steps
    case advice, notes
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(isServed ? "served" : "refused", forKey: .verdict)
    try values.encode(word, forKey: .end)
    try values.encode(sentence, forKey: .sentence)
    try values.encode(steps, forKey: .steps)
    try values.encodeIfPresent(advice, forKey: .advice)
    try values.encode(notes, forKey: .notes)
    try values.encodeIfPresent(route, forKey: .route)
    switch end {
    case .dropped, .connectionRefused, .closed, .noHandshake, .letIn: return
    case .alert(let name): try values.encode(name, forKey: .alert)
    case .reply(let status, _, let reason):
      try values.encode(status, forKey: .status)
      try values.encode(reason, forKey: .reason)
    case .redirect(let status, let location):
      try values.encode(status, forKey: .status)
      try values.encode(location, forKey: .location)
    case .backend(let name, let servers), .stream(let name, let servers):
      try values.encode(name, forKey: .backend)
      try values.encode(servers, forKey: .servers)
    case .noServer(let name): try values.encode(name, forKey: .backend)
    }
  }

  /// The end as one word, for programs.
  public var word: String {
    switch end {
    case .dropped: "dropped"
    case .connectionRefused: "connection-refused"
    case .closed: "closed"
    case .alert: "tls-alert"
    case .noHandshake: "no-handshake"
    case .reply: "reply"
    case .redirect: "redirect"
    case .backend: "backend"
    case .stream: "stream"
    case .noServer: "no-server"
    case .letIn: "let-in"
    }
  }
}
