public import Foundation

/// Which generation of the firewall is in force, and how that came.
public struct PolicyState: Codable, Sendable {
  /// 0: nothing has been applied.
  public var generation: UInt64 = 0
  /// What a restart of the machine brings back; 0 for none.
  public var confirmed: UInt64 = 0
  /// Given to the next one; never used twice.
  public var next: UInt64 = 1
  /// The file that the generation in force was read from.
  public var policyPath: String?
  public var digest: String?
  /// Unix time in seconds for which ends and schedules were worked out.
  public var appliedAt: Int64?
  /// How the machine's clock stood then; nil when an older version applied it.
  var clock: KeptClock?
  /// The kernel's count of changes right after the apply.
  public var kernelGeneration: UInt32?
  /// How long the kernel took for it.
  var applySeconds: Double?
  /// Fingerprints of the rules as the kernel held them then.
  public var rules: [String: [String]]?
  public var pending: Pending?
  /// Policies that were refused when they were applied; nil for none.
  public var rejections: UInt64?
  public var history: [Event] = []

  public init() {}

  /// As it was when a generation was on trial.
  init(lostWith pending: Pending, next: UInt64) {
    generation = pending.generation
    confirmed = pending.previous
    self.next = max(next, pending.generation &+ 1)
    self.pending = pending
  }

  /// A generation that is taken back unless it is confirmed.
  public struct Pending: Codable, Sendable {
    public var generation: UInt64
    /// What confirms it.
    public var token: String
    /// Goes back to this one.
    public var previous: UInt64
    /// On CLOCK_BOOTTIME, in milliseconds: no setting of the clock moves it.
    public var deadline: Int64
    /// Only in this life of the machine does the deadline mean anything.
    public var boot: String
    /// When it was applied, on the same clock.
    public var appliedAt: Int64
    /// SSH_CONNECTION of whoever applied: from this connection it can't be confirmed.
    public var connection: String?
    /// Those that were open with the ports of management then, as `CLIENT PORT SERVER-PORT`: by these it
    /// can't be confirmed either. Nil when they could not be listed.
    public var connections: [String]?
    public var guardian: Int32?
    /// Of all that the kernel was to hold of it: what another folder has put there is not taken back.
    var digests: [String]?

    /// Written down before the kernel gets it.
    mutating func expect(_ policy: CompiledPolicy) {
      let digest = policy.digest.hexadecimal
      if digests?.contains(digest) == false { digests?.append(digest) }
    }

    /// Until it is taken back; 0 when that is due.
    public var secondsLeft: Int64 {
      let now = BootClock.milliseconds
      guard boot == BootClock.id, deadline > now else { return 0 }
      return (min(deadline, now + 86_400_000) - now + 999) / 1000
    }
  }

  public struct Event: Codable, Sendable {
    public var time: Date
    public var generation: UInt64
    /// "applied", "confirmed", "rolled back", "restored", "removed".
    public var what: String
    public var reason: String?
    public var by: String
    /// The file that an apply read.
    public var path: String?
  }

  /// Whether it is to be taken back unless it is confirmed. Nothing but its confirmation, or another
  /// generation, changes that.
  func isOnTrial(_ number: UInt64) -> Bool {
    pending?.generation == number || (generation == number && confirmed != number)
  }

  static let historyLimit = 200
  /// Of `Pending.connections`.
  static let connectionLimit = 4096

  mutating func record(
    _ what: String, _ generation: UInt64, reason: String? = nil, path: String? = nil
  ) {
    history.append(
      Event(
        time: Date(), generation: generation, what: what, reason: reason, by: Caller.name,
        path: path))
    history.removeFirst(max(0, history.count - Self.historyLimit))
  }
}

/// The last change of the kernel's rules that was not the agent's, as it heard of it.
public struct KeptCommit: Codable, Sendable, CustomStringConvertible {
  /// The kernel's.
  public var generation: UInt32
  public var process: Int32
  public var name: String
  public var time: Date

  public var description: String {
    "process \(process) (\(name)) at \(time.formatted(.iso8601))"
  }
}

/// How far the machine's clock is from the one that nobody sets, in milliseconds.
enum WallClock {
  static var offset: Int64 { Int64(Date().timeIntervalSince1970 * 1000) - BootClock.milliseconds }
}

/// Tells later whether the clock was set meanwhile, whoever looked then.
struct KeptClock: Codable, Sendable {
  /// `WallClock`'s.
  var offset = WallClock.offset
  /// Only in this life of the machine does it mean anything.
  var boot = BootClock.id
}

/// Time that runs on while the machine sleeps, and that nobody sets.
enum BootClock {
  static var milliseconds: Int64 { microseconds / 1000 }

  static var microseconds: Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_BOOTTIME, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
  }

  /// Another one after each start of the machine.
  static var id: String {
    let bytes = (try? Disk.read("/proc/sys/kernel/random/boot_id")) ?? []
    return String(decoding: bytes.prefix(36), as: UTF8.self)
  }
}
