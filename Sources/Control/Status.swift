public import Foundation
internal import Proxy

/// What a running process says of itself: the body of `GET /v1/status`.
public struct Status: Codable, Sendable {
  public struct Listener: Codable, Sendable {
    public let name: String
    public let addresses: [String]
    /// "https", "http", or "redirect" to HTTPS.
    public let serves: String
    public let isPolicyEnforced: Bool
    public let traffic: ListenerTraffic
  }
  public struct Traffic: Codable, Sendable {
    public var connections = 0
    public var accepted: UInt64 = 0
    public var refusedByPolicy: UInt64 = 0
    public var refusedAsBanned: UInt64 = 0
    /// By the policy's rules for requests.
    public var requestsForbidden: UInt64 = 0
    /// What an audit let in all the same.
    public var wouldRefuse: UInt64 = 0
    public var handshakes: UInt64 = 0
    public var handshakesResumed: UInt64 = 0
    public var handshakeFailures: UInt64 = 0
    public var requests: UInt64 = 0
    public var requestsRefused: UInt64 = 0
    public var responses: [String: UInt64] = [:]
    public var retries: UInt64 = 0
    public var connectFailures: UInt64 = 0
    public var aborts: UInt64 = 0
    /// By the two letters of how they ended, as `gatehouse explain` takes them.
    public var terminations: [String: UInt64] = [:]
    /// Of the last minute; nil before there is one.
    public var recent: RecentTraffic?
  }
  /// The access log, since the process began.
  public struct Log: Codable, Sendable {
    public let format: String
    public let target: String
    public let written: UInt64
    /// Lines that were lost.
    public let dropped: UInt64
    public let heldBytes: Int
    /// Why it cannot be written just now.
    public let trouble: String?
  }
  /// Before all else; nil only of a process that is older than it.
  public internal(set) var verdict: Verdict?
  public let version: String
  public let pid: Int32
  public let startedAt: Date
  /// It was told to end, and finishes what runs.
  public let isEnding: Bool
  public let generation: Int
  public let appliedAt: Date
  public let configuration: String
  /// The same as an absolute path without links.
  public let configurationPath: String
  public let policy: String?
  public let workers: Int
  public let listeners: [Listener]
  public let backends: [Backend]
  public let routes: [Route]
  public let certificates: [Certificate]
  /// What is fetched from authorities.
  public let renewals: [Renewal]
  public let traffic: Traffic
  public let firewall: Firewall
  /// Nil where none is kept.
  public let log: Log?
  /// Names that servers are written with.
  public let names: [Name]
  /// Backends with MySQL roles.
  public let databases: [Database]
  /// Nil where requests are not followed.
  public let tracing: Tracing?
  /// What went wrong at the last attempt to apply the file; empty when it was applied.
  public let lastApplyErrors: [String]
  /// Settings of the file that was applied which hold after a restart only, each with what to type.
  public let restartNeeded: [String]
  /// Overrides of servers that could not be read or kept, and those that the file contradicts.
  public let overrideErrors: [String]
  public let overrides: Int
  /// Certificates folders that could not be read.
  public let certificateErrors: [String]
}

extension Status.Log {
  init(_ report: AccessLogReport) {
    format = report.format
    target = report.target
    written = report.written
    dropped = report.dropped
    heldBytes = report.heldBytes
    trouble = report.trouble
  }
}

extension Status.Traffic {
  init(_ view: TrafficView) {
    recent = view.history.recent
    var sum = Counters()
    for report in view.reports {
      sum += report.counters
      connections += report.clients
    }
    accepted = sum.connectionsAccepted
    refusedByPolicy = sum.connectionsRefused
    refusedAsBanned = sum.connectionsBanned
    requestsForbidden = sum.requestsForbidden
    wouldRefuse = sum.wouldRefuse
    handshakes = sum.handshakes
    handshakesResumed = sum.handshakesResumed
    handshakeFailures = sum.handshakeFailures
    requests = sum.requests
    requestsRefused = sum.requestsRefused
    for (index, count) in sum.responses.enumerated() { responses["\(index + 1)xx"] = count }
    retries = sum.retries
    connectFailures = sum.connectFailures
    aborts = sum.aborts
    terminations = .init(terminations: view.traffic)
  }
}

extension Status.Listener {
  init(
    _ listener: ProxyConfiguration.Listener, addresses: [SocketAddress], _ traffic: TrafficReport
  ) {
    name = listener.name
    self.addresses = addresses.map(\.description)
    serves =
      listener.stream != nil
      ? "tcp"
      : listener.tls != nil ? "https" : listener.redirectToHTTPSPort != nil ? "redirect" : "http"
    isPolicyEnforced = listener.access != nil
    self.traffic = .init(traffic.listeners[listener.name] ?? ListenerMeter())
  }
}
