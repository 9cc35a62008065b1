public import Foundation
internal import Proxy

/// A line of the access log, as far as an explanation needs it; what it does not have is nil.
public struct LoggedRequest: Sendable, Encodable {
  public var time: String?
  public var listener: String?
  public var route: String?
  public var backend: String?
  public var server: String?
  public var clientIP: String?
  public var clientPort: Int?
  public var method: String?
  public var host: String?
  public var path: String?
  public var proto: String?
  public var status: Int?
  public var bytesIn: Int?
  public var bytesOut: Int?
  public var retries: Int?
  public var term: String?
  public var termReason: String?
  public var isTLS = false
  public var policyVerdict: String?
  public var policyRule: String?
  /// In milliseconds, in the order in which they pass.
  public var phases: [Phase] = []
  public var totalMilliseconds: Double?

  public struct Phase: Sendable, Encodable, Equatable {
    public let name: String
    public let milliseconds: Double
  }

  /// Nil when the line is no JSON object.
  public init?(line: Data) {
    guard let object = (try? JSONSerialization.jsonObject(with: line)) as? [String: Any] else {
      return nil
    }
    func text(_ key: String) -> String? {
      (object[key] as? String).flatMap { $0.isEmpty ? nil : AuditLog.visible($0) }
    }
    func number(_ key: String) -> Int? { (object[key] as? NSNumber)?.intValue }
    time = text("ts")
    listener = text("listener")
    route = text("route") ?? number("route").map { "\($0)" }
    backend = text("backend")
    server = text("server")
    clientIP = text("client_ip")
    clientPort = number("client_port")
    method = text("method")
    host = text("host")
    path = text("path")
    proto = text("proto")
    status = number("status")
    bytesIn = number("bytes_in")
    bytesOut = number("bytes_out")
    retries = number("retries")
    term = text("term")
    termReason = text("term_reason")
    isTLS = object["tls"] is [String: Any]
    let policy = object["policy"] as? [String: Any]
    policyVerdict = (policy?["verdict"] as? String).map(AuditLog.visible)
    policyRule = (policy?["rule"] as? String).map(AuditLog.visible)
    let times = Self.times(object)
    totalMilliseconds = times["total"]
    phases = ["req", "queue", "connect", "ttfb"].compactMap { name in
      times[name].map { Phase(name: name, milliseconds: $0) }
    }
    if let total = totalMilliseconds {
      let rest = total - phases.reduce(0) { $0 + $1.milliseconds }
      // Without an answer's head, what is left was the wait for it.
      let name = times["ttfb"] == nil && times["connect"] != nil ? "ttfb" : "data"
      if rest > 0 { phases.append(Phase(name: name, milliseconds: rest)) }
    }
  }

  /// Of `t` or `t_ms`, with or without the unit behind each name; what did not come to pass is
  /// negative or missing.
  private static func times(_ object: [String: Any]) -> [String: Double] {
    let map = object["t"] as? [String: Any] ?? object["t_ms"] as? [String: Any] ?? [:]
    var times: [String: Double] = [:]
    for name in ["req", "queue", "connect", "ttfb", "total"] {
      let value = map[name] ?? map["\(name)_ms"]
      guard let milliseconds = (value as? NSNumber)?.doubleValue, milliseconds.isFinite,
        milliseconds >= 0
      else { continue }
      times[name] = milliseconds
    }
    return times
  }

  /// What it means that it ended so; nil where the log does not tell.
  public var meaning: WordExplanation.Meaning? {
    guard let term else { return nil }
    let endings = Ending.allCases.filter { "\($0.state)" == term }
    return (endings.first { "\($0.reason)" == termReason } ?? endings.first)
      .map { WordExplanation.Meaning($0).naming(self) }
  }

  /// What to type, with what is known of this request in place of the words in capitals.
  func filled(_ step: String) -> String {
    var step = step
    if let clientIP, let url = url(port: nil) {
      step = step.replacing("ADDRESS URL", with: "\(clientIP) \(Self.quoted(url))")
    }
    if let clientIP { step = step.replacing("ban del ADDRESS", with: "ban del \(clientIP)") }
    if let backend, let server {
      step = step.replacing("BACKEND/SERVER", with: "\(backend)/\(server)")
    }
    return step
  }

  /// For a shell: a query has what it takes for its own.
  private static func quoted(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte | 0x20)
        || "/:.,-_%=@+".utf8.contains(byte)
    }
    return isPlain ? text : "'\(text.replacing("'", with: "'\\''"))'"
  }

  /// The URL that was asked for, for a `why`.
  public func url(port: UInt16?) -> String? {
    guard let host, let path else { return nil }
    let scheme = isTLS ? "https" : "http"
    let isUsual = port == nil || port == (isTLS ? 443 : 80) || host.split(separator: ":").count == 2
    return "\(scheme)://\(host)\(isUsual ? "" : ":\(port ?? 0)")\(path)"
  }
}
