internal import Proxy

/// Everything that is known of one server, and what follows of it. Pure.
///
/// state:  override > what its agent says > ready
/// weight: override, or the file's; then the agent's share of it
/// role:   what a database check says > the file
struct ServerMerge {
  let id: ServerID
  /// As the file has it, or as it was added.
  let server: ProxyConfiguration.Server
  var weightChange: WeightChange?
  var stateChange: ServerStanding.State?
  var report: HealthReport?
  /// Nil where no check tells of roles.
  var told: ToldRole?
  var ejection: Ejection?
  /// As what it is held out for coming and going too often.
  var held: FlapGuard.Condition?
  var isInUse = true

  struct Ejection: Equatable {
    /// In seconds since 1970.
    var until: Double
    var reason: String
  }

  /// What a database check says.
  enum ToldRole: Equatable {
    case role(ServerRole)
    case none
  }

  /// In hundredths of the file's unit, without the agent's share.
  var wantedWeight: Int {
    weightChange?.hundredths(configured: server.weight) ?? server.weight * 100
  }

  var weight: Int {
    let share = max(0, min(report?.agentPercent ?? 100, 1000))
    return min(wantedWeight * share / 100, ServerOverride.longestWeight)
  }

  var state: ServerStanding.State { stateChange ?? report?.agentState ?? .ready }

  var isHealthy: Bool { report?.verdict != .down }

  /// As what happens to it says, held or not.
  var condition: FlapGuard.Condition {
    report?.verdict == .down ? .down : ejection == nil ? .well : .setAside
  }

  var role: ServerRole? {
    switch told {
    case .role(let role): role
    case .some(.none): nil
    case nil: server.role
    }
  }

  /// As long as its tier is in use.
  var isUsable: Bool {
    isHealthy && state == .ready && weight > 0 && ejection == nil && held == nil
  }

  var standing: ServerStanding {
    ServerStanding(
      weight: weight, state: state, isHealthy: isHealthy, isHeldOut: held != nil,
      isInUse: isInUse, role: role)
  }

  var member: TierSelection.Member {
    // Weight 0 by an override still counts as a server that is missing.
    let weight = wantedWeight > 0 ? wantedWeight : server.weight * 100
    return TierSelection.Member(tier: server.tier, weight: weight, isUsable: isUsable)
  }
}
