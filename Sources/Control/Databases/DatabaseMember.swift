internal import Databases
internal import Foundation
internal import Proxy

/// One server of a backend with MySQL roles, as its checks have found it.
struct DatabaseMember {
  /// Of the last check that was answered.
  private(set) var lastGood: ProbeOutcome?
  private(set) var last: ProbeOutcome?
  private var failures = 0
  /// Answered in a row; as many as it takes once it has never failed.
  private var successes = Int.max

  mutating func note(_ outcome: ProbeOutcome, _ health: ProxyConfiguration.Health) {
    last = outcome
    guard outcome.facts != nil else {
      failures += 1
      // One failure takes no role that the server has; one that comes back begins again.
      if failures >= health.fall || successes < health.rise { successes = 0 }
      return
    }
    lastGood = outcome
    failures = 0
    if successes < .max { successes += 1 }
  }

  var lagSeconds: Double? {
    guard let lag = last?.facts?.replication?.knownLag else { return nil }
    return Double(lag.components.seconds) + Double(lag.components.attoseconds) / 1e18
  }

  /// What it counts as: one failed check alone takes nobody's role; `fall` of them do.
  func counted(_ health: ProxyConfiguration.Health) -> ProbeOutcome? {
    failures < health.fall ? lastGood ?? last : last
  }

  /// A replica whose primary is gone, or frozen so that its heartbeats end: what it has is as good as
  /// ever.
  func isOrphan(lagLimit: Duration) -> Bool {
    guard let facts = lastGood?.facts, facts.isReadOnly, let replication = facts.replication else {
      return false
    }
    let isCutOff = replication.receiver == .connecting && replication.isApplying
    return failures == 0 && (isCutOff || replication.hearsNothing(lagLimit))
  }

  /// One that comes back gets a role only after `rise` checks: until then it is only looked at.
  func isTrusted(_ health: ProxyConfiguration.Health) -> Bool {
    successes >= health.rise
  }
}

/// Asks one server again and again, on a thread of its own: it may hang for as long as its timeout.
final class DatabaseChecker: @unchecked Sendable {
  let id: ServerID
  let address: DatabaseAddress
  private let plan: ProxyConfiguration.MySQL
  private let health: ProxyConfiguration.Health
  private let lock = NSLock()
  private var isStopped = false

  init(
    _ id: ServerID, _ address: DatabaseAddress, _ plan: ProxyConfiguration.MySQL,
    _ health: ProxyConfiguration.Health
  ) {
    self.id = id
    self.address = address
    self.plan = plan
    self.health = health
  }

  func isSame(
    _ address: DatabaseAddress, _ plan: ProxyConfiguration.MySQL,
    _ health: ProxyConfiguration.Health
  ) -> Bool {
    self.address == address && self.health == health && self.plan.monitor == plan.monitor
      && self.plan.tls == plan.tls && self.plan.heartbeat == plan.heartbeat
  }

  func stop() { lock.withLock { isStopped = true } }

  /// `tell` gets nil while the server is not checked, and answers whether the results are settled, so
  /// that the next check may take its time.
  func begin(
    isPaused: @escaping @Sendable () -> Bool,
    tell: @escaping @Sendable (DatabaseChecker, ProbeOutcome?) -> Bool
  ) {
    Thread.detachNewThread { [self] in
      let tls = plan.tls.map { DatabaseTLS($0) }
      var login = self.login
      var probe = makeProbe(login, tls)
      while !lock.withLock({ isStopped }) {
        let begin = ContinuousClock.now
        var isSettled = true
        if !isPaused() {
          let outcome = probe.check()
          // The password may have been changed on both sides.
          if outcome.facts == nil, self.login != login {
            login = self.login
            probe = makeProbe(login, tls)
          }
          guard !lock.withLock({ isStopped }) else { return }
          isSettled = tell(self, outcome)
        } else {
          isSettled = tell(self, nil)
        }
        Self.wait(until: begin + (isSettled ? health.interval : health.fastInterval))
      }
    }
  }

  private var login: DatabaseLogin? { try? DatabaseLogin(plan.monitor) }

  private func makeProbe(_ login: DatabaseLogin?, _ tls: DatabaseTLS?) -> RoleProbe {
    RoleProbe(
      address: address, user: plan.monitor.user, password: login?.password ?? "", over: tls,
      heartbeat: plan.heartbeat.flatMap(HeartbeatTable.init), timeout: health.timeout)
  }

  private static func wait(until time: ContinuousClock.Instant) {
    let left = (time - .now).components
    let seconds = Double(left.seconds) + Double(left.attoseconds) / 1e18
    if seconds > 0 { Thread.sleep(forTimeInterval: seconds) }
  }
}
