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
    guard let lag = last?.facts?.replication?.lag else { return nil }
    return Double(lag.components.seconds) + Double(lag.components.attoseconds) / 1e18
  }

  /// What it counts as: one failed check alone takes nobody's role; `fall` of them do.
  func counted(_ health: ProxyConfiguration.Health) -> ProbeOutcome? {
    failures < health.fall ? lastGood ?? last : last
  }

  /// A replica whose primary is gone: what it has is as good as ever.
  var isOrphan: Bool {
    guard let facts = lastGood?.facts, facts.isReadOnly, let replication = facts.replication else {
      return false
    }
    return failures == 0 && replication.isApplying && replication.receiver == .connecting
  }

  /// One that comes back gets a role only after `rise` checks: until then it is only looked at.
  func isTrusted(_ health: ProxyConfiguration.Health) -> Bool {
    successes >= health.rise
  }
}

/// Asks one server again and again, on a thread of its own: it may hang for as long as its timeout.
final class DatabaseChecker: @unchecked Sendable {
  let id: ServerID
  let address: SocketAddress
  private let account: ProxyConfiguration.MySQL.Account
  private let health: ProxyConfiguration.Health
  private let lock = NSLock()
  private var isStopped = false

  init(
    _ id: ServerID, _ address: SocketAddress, _ account: ProxyConfiguration.MySQL.Account,
    _ health: ProxyConfiguration.Health
  ) {
    self.id = id
    self.address = address
    self.account = account
    self.health = health
  }

  func isSame(
    _ address: SocketAddress, _ account: ProxyConfiguration.MySQL.Account,
    _ health: ProxyConfiguration.Health
  ) -> Bool {
    self.address == address && self.account == account && self.health == health
  }

  func stop() { lock.withLock { isStopped = true } }

  /// `tell` gets nil while the server is not checked, and answers whether the results are settled, so
  /// that the next check may take its time.
  func begin(
    isPaused: @escaping @Sendable () -> Bool,
    tell: @escaping @Sendable (DatabaseChecker, ProbeOutcome?) -> Bool
  ) {
    Thread.detachNewThread { [self] in
      var login = self.login
      var probe = makeProbe(login)
      while !lock.withLock({ isStopped }) {
        let begin = ContinuousClock.now
        var isSettled = true
        if !isPaused() {
          let outcome = probe.check()
          // The password may have been changed on both sides.
          if outcome.facts == nil, self.login != login {
            login = self.login
            probe = makeProbe(login)
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

  private var login: DatabaseLogin? { try? DatabaseLogin(account) }

  private func makeProbe(_ login: DatabaseLogin?) -> RoleProbe {
    RoleProbe(
      address: DatabaseAddress(address), user: account.user, password: login?.password ?? "",
      timeout: health.timeout)
  }

  private static func wait(until time: ContinuousClock.Instant) {
    let left = (time - .now).components
    let seconds = Double(left.seconds) + Double(left.attoseconds) / 1e18
    if seconds > 0 { Thread.sleep(forTimeInterval: seconds) }
  }
}
