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

  mutating func note(_ outcome: ProbeOutcome) {
    last = outcome
    guard outcome.facts != nil else {
      failures += 1
      successes = 0
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

  /// One that comes back gets a role only after `rise` checks: until then it is only looked at.
  func isTrusted(_ health: ProxyConfiguration.Health) -> Bool {
    successes >= health.rise || failures > 0
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

  /// `tell` answers whether the results are settled, so that the next check may take its time.
  func begin(
    isPaused: @escaping @Sendable () -> Bool,
    tell: @escaping @Sendable (DatabaseChecker, ProbeOutcome) -> Bool
  ) {
    Thread.detachNewThread { [self] in
      var password = Self.password(account)
      var probe = makeProbe(password)
      while !lock.withLock({ isStopped }) {
        let begin = ContinuousClock.now
        var isSettled = true
        if !isPaused() {
          let outcome = probe.check()
          if outcome.facts == nil, Self.password(account) != password {
            password = Self.password(account)
            probe = makeProbe(password)
          }
          guard !lock.withLock({ isStopped }) else { return }
          isSettled = tell(self, outcome)
        }
        let interval = isSettled ? health.interval : health.fastInterval
        wait(until: begin + interval)
      }
    }
  }

  private func makeProbe(_ password: String) -> RoleProbe {
    let target: DatabaseAddress =
      switch address {
      case .ipv4(let bits, let port): .ipv4(bits, port: port)
      case .ipv6(let bits, let port): .ipv6(bits, port: port)
      case .unix(let path): .unix(path: path)
      }
    return RoleProbe(
      address: target, user: account.user, password: password, timeout: health.timeout)
  }

  private func wait(until time: ContinuousClock.Instant) {
    let left = time - .now
    guard left > .zero else { return }
    Thread.sleep(
      forTimeInterval: Double(left.components.seconds)
        + Double(left.components.attoseconds) / 1e18)
  }

  /// Without the line end that an editor leaves.
  private static func password(_ account: ProxyConfiguration.MySQL.Account) -> String {
    let text = (try? String(contentsOfFile: account.passwordFile, encoding: .utf8)) ?? ""
    return String(text.prefix { !$0.isNewline })
  }
}
