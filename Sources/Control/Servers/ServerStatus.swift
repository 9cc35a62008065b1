public import Foundation
internal import Proxy

extension Status {
  /// One server over all workers, and why it stands as it does.
  public struct Server: Codable, Sendable {
    public let backend: String
    public let name: String
    public let address: String
    public let tier: Int
    /// "primary" or "replica", where servers have roles.
    public let role: String?
    public let configuredWeight: Int
    /// Rounded; `effectiveWeight` is exact.
    public let weight: Int
    public let effectiveWeight: Double
    /// "up", "down", "drain", "maint", "standby", or "set aside" by workers under whose eyes it failed.
    public let state: String
    /// "ready", "drain" or "maint": what is wanted of it.
    public let wanted: String
    /// Its checks' verdict: "unknown" where there are none, or none yet.
    public let health: String
    /// When the verdict last changed.
    public let healthSince: Date?
    public let lastResult: String?
    public let lastAt: Date?
    public let lastSeconds: Double?
    public let checks: UInt64
    public let failures: UInt64
    /// Held down for changing too often.
    public let heldUntil: Date?
    public let ejectedUntil: Date?
    public let ejectedFor: String?
    public let stateChanges: UInt64
    /// Why it is not simply up; empty when it is.
    public let why: String
    public let active: Int
    /// Exchanges that wait for this very server, by their cookie; of all that wait for its backend.
    public let queued: Int
    public let idle: Int
    public let requests: UInt64
    public let traffic: ServerTraffic
    /// By a command, not by the file.
    public let isAdded: Bool
    public let overrides: [OverrideStatus]

    /// New requests may go to it now.
    public var takesRequests: Bool { state == "up" && effectiveWeight > 0 }

    /// Something that nobody wanted keeps it from its work.
    public var isTrouble: Bool { ["down", "set aside"].contains(state) }
  }

  public struct Backend: Codable, Sendable {
    public let name: String
    /// The one in use, of `tiers`.
    public let tier: Int
    public let tiers: [Int]
    /// Exchanges that wait for a server.
    public let queued: Int
    public let servers: [Server]
  }
}

/// An override as it is shown.
public struct OverrideStatus: Codable, Sendable {
  /// As `overrides clear` takes it: `web/s1.weight`.
  public let name: String
  public let backend: String
  public let server: String
  public let key: ServerOverride.Key
  /// In the file now.
  public let configured: String?
  /// In the file when it was set.
  public let configuredThen: String?
  public let overridden: String
  public let effective: String
  public let by: String
  public let since: Date
  public let ends: Date?
  public let reason: String
  /// The file was changed to something else since; the override stays.
  public let conflictSince: Date?
  /// Of a server that the file does not have.
  public let isOrphan: Bool
  /// The whole of a server that was added.
  public let added: AddedServer?
}

extension ServerBook.State {
  func status(_ backend: ProxyConfiguration.Backend, _ view: TrafficView) -> Status.Backend {
    Status.Backend(
      name: backend.name, tier: tiers[backend.name]?.inUse ?? 0,
      tiers: Set(backend.servers.map(\.tier)).sorted(),
      queued: view.reports.reduce(0) { $0 + ($1.queued[backend.name] ?? 0) },
      servers: merges(of: backend).map { status($0, backend, view) })
  }

  func status(
    _ merge: ServerMerge, _ backend: ProxyConfiguration.Backend, _ view: TrafficView
  ) -> Status.Server {
    let all = view.reports.flatMap(\.servers).filter {
      $0.backend == merge.id.backend && $0.name == merge.id.server
    }
    let setAside = all.first(where: \.isSetAside)
    let isSetAside = setAside != nil && merge.word == "up"
    let word = isSetAside ? "set aside" : merge.word
    let report = merge.report
    let wasChecked = (report?.checks ?? 0) > 0
    return Status.Server(
      backend: merge.id.backend, name: merge.id.server, address: "\(merge.server.address)",
      tier: merge.server.tier, role: merge.role?.rawValue,
      configuredWeight: merge.server.weight, weight: (merge.weight + 50) / 100,
      effectiveWeight: Double(merge.weight) / 100, state: word, wanted: merge.state.rawValue,
      health: (report?.verdict ?? .unknown).rawValue,
      healthSince: (report?.since).flatMap { $0 > 0 ? $0.date : nil },
      lastResult: wasChecked ? report?.lastResult : nil,
      lastAt: wasChecked ? report?.lastAt.date : nil,
      lastSeconds: wasChecked ? report?.lastTook.inSeconds : nil,
      checks: report?.checks ?? 0, failures: report?.failures ?? 0,
      heldUntil: heldUntil(merge),
      ejectedUntil: merge.ejection.map { Date(timeIntervalSince1970: $0.until) },
      ejectedFor: merge.ejection?.reason, stateChanges: changes[merge.id] ?? 0,
      why: why(merge, word, setAside), active: all.reduce(0) { $0 + $1.active },
      queued: all.reduce(0) { $0 + $1.queued }, idle: all.reduce(0) { $0 + $1.idle },
      requests: all.reduce(0) { $0 &+ $1.requests },
      traffic: .init(
        view.traffic.servers[merge.id] ?? ServerMeter(), view.history.recent(merge.id)),
      isAdded: overrides[merge.id, .added] != nil,
      overrides: overrides.overrides.filter { $0.id == merge.id }.map(status))
  }

  /// For coming and going too often.
  private func heldUntil(_ merge: ServerMerge) -> Date? {
    let own = guards[merge.id]?.hold.map {
      Date() + Double($0.until - ServerBook.uptime) / 1000
    }
    return [own, merge.report?.isHeldUntil?.date].compactMap(\.self).max()
  }

  /// What to know of a server that is not simply up.
  private func why(
    _ merge: ServerMerge, _ word: String, _ setAside: WorkerReport.Server?
  ) -> String {
    var parts: [String] = []
    switch word {
    case "down":
      parts.append(merge.report?.lastResult ?? "")
      if let end = heldUntil(merge) {
        parts.append("held down until \(Int64(end.timeIntervalSince1970).clock)")
      }
    case "set aside":
      if let ejection = merge.ejection {
        parts.append("\(ejection.reason), until \(Int64(ejection.until).clock)")
      } else {
        parts.append(setAside?.ejectReason ?? "")
      }
      if let end = heldUntil(merge) {
        parts.append("held out until \(Int64(end.timeIntervalSince1970).clock)")
      }
    case "standby": parts.append("tier \(tiers[merge.id.backend]?.inUse ?? 0) is in use")
    case "drain", "maint":
      if let override = overrides[merge.id, .state] {
        parts.append("by \(override.by)" + (override.reason.isEmpty ? "" : ": \(override.reason)"))
      } else {
        parts.append("its agent says so")
      }
    default: break
    }
    if let share = merge.report?.agentPercent, share != 100 { parts.append("agent says \(share)%") }
    for override in overrides.overrides where override.id == merge.id {
      if override.conflictSince != nil { parts.append("CONFLICT: \(override.name)") }
    }
    return parts.filter { !$0.isEmpty }.joined(separator: "; ")
  }

  func status(_ override: ServerOverride) -> OverrideStatus {
    let merge = merge(override.id)
    let effective =
      switch override.change {
      case .weight: merge.map { $0.weight.hundredthsText } ?? "-"
      case .state: merge?.state.rawValue ?? "-"
      case .added: merge.map { "\($0.server.address)" } ?? "-"
      case .removed: merge == nil ? "removed" : "there: a backend needs one server"
      }
    return OverrideStatus(
      name: override.name, backend: override.backend, server: override.server,
      key: override.change.key,
      configured: OverrideBook.configured(override.id, override.change.key, in: file.backends),
      configuredThen: override.configured, overridden: override.change.text,
      effective: effective, by: override.by, since: override.since, ends: override.until,
      reason: override.reason, conflictSince: override.conflictSince,
      isOrphan: merge == nil && override.change != .removed, added: override.added)
  }

  /// What must be looked at by somebody.
  var troubles: [String] {
    let conflicts = overrides.overrides.filter { $0.conflictSince != nil }.map { override in
      let now = OverrideBook.configured(override.id, override.change.key, in: file.backends)
      return
        "CONFLICT: \(override.name) is \(override.change.text) by \(override.by), the file says "
        + "\(now ?? "nothing"); see: gatehouse overrides list"
    }
    return [damage, keepTrouble].compactMap(\.self) + conflicts
  }
}

extension Int {
  /// 150 is "1.5".
  var hundredthsText: String {
    guard self % 100 != 0 else { return "\(self / 100)" }
    let rest =
      self % 100 % 10 == 0
      ? "\(self % 100 / 10)" : self % 100 < 10 ? "0\(self % 100)" : "\(self % 100)"
    return "\(self / 100).\(rest)"
  }
}

extension Int64 {
  fileprivate var date: Date { Date(timeIntervalSince1970: Double(self)) }

  fileprivate var clock: String {
    // 2026-11-26T14:02:03Z
    String(Moment.text(self).dropFirst(11).prefix(8))
  }
}

extension Duration {
  fileprivate var inSeconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) / 1e18
  }
}
