import Control
import Foundation

/// A status as a person reads it, in the order in which one asks: is it well, what runs, where does it
/// hurt, what happened.
struct StatusText {
  /// A table's lines end here.
  static let width = 100

  private let status: Status
  private let events: [Event]
  private let firewall: FirewallGlance
  private let paint: Paint

  init(_ status: Status, _ events: [Event], _ firewall: FirewallGlance, _ paint: Paint) {
    self.status = status
    self.events = events
    self.firewall = firewall
    self.paint = paint
  }

  var text: String {
    [
      verdict, node, listeners, backends, databases, certificates, traffic, firewallLines,
      eventLines,
    ].filter { !$0.isEmpty }.joined(separator: "\n\n")
  }

  static func colour(_ severity: Verdict.Severity) -> Paint.Colour {
    switch severity {
    case .ok: .green
    case .degraded: .yellow
    case .down: .red
    }
  }

  private var verdict: String {
    guard let verdict = status.verdict else { return "UNKNOWN: the process is older than this" }
    var lines = [paint(verdict.sentence, Self.colour(verdict.severity))]
    for cause in verdict.causes {
      let detail = cause.detail.isEmpty ? "" : " (\(AuditText.visible(cause.detail)))"
      lines.append("  ! \(cause.text)\(detail)")
      lines.append("    type: \(cause.next)")
    }
    return lines.joined(separator: "\n")
  }

  private var node: String {
    """
    gatehouse \(status.version), pid \(status.pid), up \(Self.age(status.startedAt)), \
    \(status.workers) workers, clock \(certTime(Date()))
    generation \(status.generation) of \(status.configuration), applied \(Self.age(status.appliedAt)) ago
    """
  }

  private var listeners: String {
    fit(
      ["LISTENER", "SERVES", "ADMITS", "CLIENTS", "ACCEPTED", "REFUSED", "ADDRESSES"],
      status.listeners.map { one in
        [
          one.name, one.serves, one.isPolicyEnforced ? "policy" : "everybody",
          "\(one.traffic.connections)", "\(one.traffic.accepted)", "\(one.traffic.refused)",
          one.addresses.joined(separator: " "),
        ]
      })
  }

  private var backends: String {
    let servers = status.backends.flatMap { backend in
      backend.servers.enumerated().map { (backend, $1, $0 == 0) }
    }
    return fit(
      [
        "SERVER", "STATE", "WEIGHT", "TIER", "ACTIVE", "QUEUED", "REQ/S", "P95", "ERR",
        "LAST CHECK",
      ],
      servers.map { backend, server, isFirst in
        let recent = server.traffic.recent
        let tier = backend.tiers.count > 1 && server.tier == backend.tier ? " in use" : ""
        return [
          "\(backend.name)/\(server.name)", ServerText.state(server), ServerText.weight(server),
          "\(server.tier)\(tier)", "\(server.active)", isFirst ? "\(backend.queued)" : "",
          recent.map { String(format: "%.1f", $0.requestsPerSecond) } ?? "-",
          ServerText.milliseconds(recent?.p95Seconds),
          recent.map { ServerText.percent($0.errorShare) } ?? "-", ServerText.check(server),
        ]
      }, servers.map { ServerText.colour($0.1) })
  }

  private var databases: String {
    let members = status.databases.flatMap { one in one.members.map { (one, $0) } }
    guard !members.isEmpty else { return "" }
    return fit(
      ["DATABASE", "ROLE", "LAG", "WHY"],
      members.map { one, member in
        [
          "\(one.backend)/\(member.name)",
          one.writer == member.name ? "\(member.role), takes the writes" : member.role,
          member.lagSeconds.map { String(format: "%.1f s", $0) } ?? "-", member.why,
        ]
      })
  }

  private var certificates: String {
    [
      CertificateText.table(status.certificates, fit),
      CertificateText.renewals(status.renewals, fit),
    ]
    .filter { !$0.isEmpty }.joined(separator: "\n\n")
  }

  private var traffic: String {
    let traffic = status.traffic
    let codes = traffic.responses.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map {
      "\($0.key) \($0.value)"
    }
    .joined(separator: ", ")
    let recent = traffic.recent.map {
      String(format: "%.1f a second, ", $0.requestsPerSecond)
        + "p95 \(ServerText.milliseconds($0.p95Seconds)), \(ServerText.percent($0.errorShare)) failed"
    }
    return notes + """
      clients   \(traffic.connections) now, \(traffic.accepted) accepted
      TLS       \(traffic.handshakes) handshakes, \(traffic.handshakesResumed) of them resumed; \
      \(traffic.handshakeFailures) failed
      HTTP      \(recent.map { "\($0); " } ?? "")\(traffic.requests) requests, \
      \(traffic.requestsRefused) refused; \(codes)
      servers   \(traffic.retries) retries, \(traffic.connectFailures) connects failed, \
      \(traffic.aborts) exchanges cut short\(log)\(traces)
      """
  }

  private var log: String {
    guard let log = status.log else { return "" }
    return "\nlog       \(log.written) lines written to \(log.target), \(log.dropped) lost"
  }

  private var traces: String {
    guard let tracing = status.tracing else { return "" }
    let why = tracing.failure.map { "; the collector takes none: \($0)" } ?? ""
    return
      "\ntraces    \(tracing.exported) sent to \(tracing.collector), \(tracing.dropped) lost\(why)"
  }

  /// No reason to be degraded: servers go on at the addresses that were known.
  private var notes: String {
    status.restartNeeded.map { "note: \(AuditText.visible($0))\n" }.joined()
      + status.names.compactMap { one in
        one.failure.map {
          "note: cannot resolve \(one.name): \($0); it stays at "
            + one.addresses.joined(separator: ", ") + "\n"
        }
      }.joined()
  }

  private var firewallLines: String {
    let traffic = status.traffic
    return """
      \(paint("FIREWALL", .bold))
      policy    \(status.policy ?? "none in the configuration: everybody is let in")
      proxy     \(traffic.refusedByPolicy) connections refused, \(traffic.refusedAsBanned) as banned, \
      \(traffic.requestsForbidden) requests forbidden
      \(firewall.text)\(dropped)\(refused)
      """
  }

  /// As many sources as a line holds.
  static let sourceLimit = 4

  /// By the kernel, as the process that runs heard of it, or as this user can see.
  private var dropped: String {
    let lines = DroppedText(status.firewall)?.lines ?? firewall.dropped?.lines ?? []
    return lines.map { "\n\($0.cut(to: Self.width))" }.joined()
  }

  private var refused: String {
    let most = status.firewall.refusedMost.prefix(Self.sourceLimit).map {
      "\($0.address) \($0.refused)"
    }
    return most.isEmpty
      ? "" : "\nrefused   by the proxy most often: \(most.joined(separator: ", "))"
  }

  private var eventLines: String {
    guard !events.isEmpty else { return "" }
    return paint("EVENTS", .bold) + "\n"
      + events.map { EventText.line($0, paint, width: Self.width) }.joined(separator: "\n")
  }

  private func fit(_ header: [String], _ rows: [[String]]) -> String { fit(header, rows, []) }

  private func fit(_ header: [String], _ rows: [[String]], _ colours: [Paint.Colour]) -> String {
    let lines = table(header, rows.map { $0.map(AuditText.visible) }).split(
      separator: "\n", omittingEmptySubsequences: false)
    return lines.enumerated().map { index, line in
      let colour: Paint.Colour =
        index == 0 ? .bold : colours.indices.contains(index - 1) ? colours[index - 1] : .plain
      return paint(String(line).cut(to: Self.width), colour)
    }.joined(separator: "\n")
  }

  static func age(_ date: Date) -> String {
    let seconds = Int(max(0, min(-date.timeIntervalSinceNow, 1e12)))
    switch seconds {
    case ..<120: return "\(seconds) s"
    case ..<7200: return "\(seconds / 60) min"
    case ..<172_800: return "\(seconds / 3600) h"
    default: return "\(seconds / 86_400) d"
    }
  }
}

extension ServerText {
  /// With a sign in front of the word, for those who see no colours.
  static func state(_ server: Status.Server) -> String {
    let sign =
      switch server.state {
      case "up": "+"
      case "down", "set aside": "!"
      case "standby": "="
      default: "-"
      }
    return "\(sign) \(server.state)"
  }

  static func colour(_ server: Status.Server) -> Paint.Colour {
    switch server.state {
    case "up": .plain
    case "down": .red
    case "set aside": .yellow
    default: .blue
    }
  }

  static func check(_ server: Status.Server) -> String {
    if !server.why.isEmpty { return server.why }
    guard let last = server.lastResult else { return "not checked" }
    return last
  }

  static func milliseconds(_ seconds: Double?) -> String {
    guard let seconds else { return "-" }
    let number = seconds * 1000
    return number >= 10_000
      ? String(format: "%.1f s", seconds)
      : String(format: number < 10 ? "%.1f ms" : "%.0f ms", number)
  }

  static func percent(_ share: Double) -> String {
    String(format: share > 0 && share < 0.1 ? "%.1f%%" : "%.0f%%", share * 100)
  }
}
