import Control
import Foundation

/// Servers as a person reads them.
enum ServerText {
  static let header = [
    "SERVER", "ADDRESS", "TIER", "ROLE", "STATE", "HEALTH", "WEIGHT", "ACTIVE", "QUEUED",
    "REQUESTS", "WHY",
  ]

  static func table(_ backends: [Status.Backend]) -> String {
    let rows = backends.flatMap { backend in
      backend.servers.enumerated().map { row($1, backend, isFirst: $0 == 0) }
    }
    return gatehouse.table(header, rows)
  }

  /// What waits, waits for the backend: it stands with its first server.
  private static func row(
    _ server: Status.Server, _ backend: Status.Backend, isFirst: Bool
  ) -> [String] {
    let tier =
      backend.tiers.count > 1 && server.tier == backend.tier
      ? "\(server.tier) in use" : "\(server.tier)"
    return [
      "\(backend.name)/\(server.name)", server.address, tier, server.role ?? "-", server.state,
      server.health, weight(server), "\(server.active)", isFirst ? "\(backend.queued)" : "",
      "\(server.requests)", server.why,
    ]
  }

  static func weight(_ server: Status.Server) -> String {
    let effective = number(server.effectiveWeight)
    let configured = "\(server.configuredWeight)"
    return effective == configured ? configured : "\(configured) -> \(effective)"
  }

  static func number(_ value: Double) -> String {
    value == value.rounded() ? "\(Int(value))" : "\(value)"
  }

  static func line(_ server: Status.Server) -> String {
    let why = server.why.isEmpty ? "" : " (\(server.why))"
    return "\(server.backend)/\(server.name): \(server.state), weight \(weight(server)), "
      + "\(server.active) active\(why)"
  }

  static func page(_ server: Status.Server) -> String {
    var rows = [
      ["server", "\(server.backend)/\(server.name)" + (server.isAdded ? " (added)" : "")],
      ["address", server.address], ["tier", "\(server.tier)"], ["role", server.role ?? "none"],
      ["state", server.state + (server.why.isEmpty ? "" : ": \(server.why)")],
      ["wanted", server.wanted],
      ["health", server.health + (server.healthSince.map { " since \(certTime($0))" } ?? "")],
    ]
    if let last = server.lastResult, let at = server.lastAt {
      let took = server.lastSeconds.map { String(format: " in %.1f ms", $0 * 1000) } ?? ""
      rows.append(["last check", "\(last), at \(certTime(at))\(took)"])
      rows.append(["checks", "\(server.checks), \(server.failures) of them failed"])
    }
    if let held = server.heldUntil { rows.append(["held down", "until \(certTime(held))"]) }
    if let ejected = server.ejectedUntil {
      rows.append(["set aside", "until \(certTime(ejected)): \(server.ejectedFor ?? "")"])
    }
    rows += [
      ["changes", "\(server.stateChanges)"], ["weight", weight(server)],
      ["active", "\(server.active)"], ["queued", "\(server.queued)"],
      ["idle", "\(server.idle)"],
      ["requests", "\(server.requests)"],
    ]
    rows += server.overrides.map { ["override", OverrideText.line($0)] }
    return gatehouse.table([], rows)
  }
}

/// Overrides as a person reads them.
enum OverrideText {
  static let header = [
    "KEY", "CONFIGURED", "OVERRIDDEN", "EFFECTIVE", "BY", "SINCE", "ENDS", "REASON", "CONFLICT",
  ]

  static func table(_ all: [OverrideStatus]) -> String {
    gatehouse.table(
      header,
      all.map { one in
        [
          one.name, one.configured ?? "-", one.overridden, one.effective, one.by,
          certTime(one.since), one.ends.map(certTime) ?? "-",
          one.reason.isEmpty ? "-" : AuditText.visible(one.reason), conflict(one),
        ]
      })
  }

  static func conflict(_ one: OverrideStatus) -> String {
    if one.isOrphan { return "orphan: the file has no such server" }
    guard let since = one.conflictSince else { return "-" }
    return "CONFLICT since \(certTime(since)): the file said \(one.configuredThen ?? "nothing"), "
      + "now \(one.configured ?? "nothing")"
  }

  static func line(_ one: OverrideStatus) -> String {
    let end = one.ends.map { " until \(certTime($0))" } ?? ""
    let reason = one.reason.isEmpty ? "" : ": \(AuditText.visible(one.reason))"
    let conflict = one.conflictSince == nil ? "" : "; \(conflict(one))"
    return "\(one.key.rawValue) \(one.overridden) by \(one.by) since \(certTime(one.since))\(end)"
      + "\(reason)\(conflict)"
  }
}
