internal import CLinux
internal import Firewall
internal import Foundation
public import Logging

/// The one process with the right to change the firewall: bans for the proxy, which has none.
///
/// One thread: requests are a ban each and take microseconds; what takes longer (closing connections,
/// writing to disk, looking for drift) is done now and then, for all bans since the last time.
public final class Agent {
  private static let connectionLimit = 64
  /// In one turn, between requests.
  private static let admissionLimit = 256
  /// Bans by the kernel's own rules are written down so often.
  private static let saveInterval: Int64 = 30_000
  /// Milliseconds between two looks for connections of those who were banned: a ban closes them
  /// within a second, and a look costs the kernel up to ten.
  private static let closeInterval: Int64 = 250
  /// Own bans are written down so often; a crash of the machine forgets those of this time.
  private static let writeInterval: Int64 = 2000
  private static let driftInterval: Int64 = 5000
  /// Microseconds for which it looks for the next ban without sleeping: bans come in bursts, and to be
  /// woken takes longer than a ban where processors are virtual.
  static let awakeTime: Int64 = UnixSocket.mayStayAwake ? 100 : 0
  /// Milliseconds by which the clock may be slewed between two looks.
  private static let clockTolerance: Int64 = 2000
  /// In seconds; windows reach 400 days.
  private static let longestScheduleAge: Int64 = 30 * 86_400

  private let store: PolicyStore
  private let path: String
  private let allowed: Set<uid_t>
  private let logger: Logger
  private let listener: Int32
  /// Who asked last stands last.
  private var connections: [Int32] = []
  private var policy: (state: [Int], rules: ResolvedPolicy)?
  private var known: (state: [Int], frame: Ruleset, reaction: FirewallPolicy.DriftReaction)?
  private var toClose: [Network] = []
  private var foreign: FirewallKernel.Commit?
  private var isChanged = false
  private var savedAt: Int64 = 0
  private var refused = 0
  private var refusedAt: Int64 = 0
  private var closedAt: Int64 = 0
  private var awakeUntil: Int64 = 0
  private var lookedAt: Int64 = 0
  /// The kernel's.
  private var lookedAtGeneration: UInt32?
  private var drift: [FirewallKernel.Drift] = []
  private var banResults = FirewallFacts.BanResults()
  /// Held open; nil where it can't be.
  private let lock: Int32?
  private let commits: CommitListener?
  private let look: FirewallLook
  private var clock = WallClock.offset

  /// Listens at `path`; only processes of these users are answered, beside root's.
  public init(
    _ store: PolicyStore, path: String, users: Set<UInt32>, logger: Logger
  ) throws {
    self.store = store
    self.path = path
    allowed = users.union([0])
    self.logger = logger
    listener = try UnixSocket.listen(path)
    lock = try? store.openLock()
    commits = CommitListener(store)
    if let kernel { commits?.ignore(kernel) }
    look = FirewallLook(store)
    // Whoever may connect is decided by his credentials, not by the file's.
    unsafe chmod(path, 0o666)
  }

  /// Keeps of all rights only that to administer the network.
  public func dropRights() throws {
    guard gatehouse_prctl(PR_SET_NO_NEW_PRIVS, 1) == 0 else {
      throw PolicyStore.Failure("cannot give up new rights: \(PolicyStore.reason)")
    }
    // Beyond the last capability that the kernel knows it says EINVAL.
    for right in 0..<64 as Range<UInt> where right != 12 {
      _ = gatehouse_prctl(PR_CAPBSET_DROP, right)
    }
    // _LINUX_CAPABILITY_VERSION_3; CAP_NET_ADMIN is bit 12.
    var header: [UInt32] = [0x2008_0522, 0]
    let rights: [UInt32] = [1 << 12, 1 << 12, 0, 0, 0, 0]
    guard unsafe gatehouse_capset(&header, rights) == 0 else {
      throw PolicyStore.Failure("cannot drop rights: \(PolicyStore.reason)")
    }
  }

  /// Serves until `isOver` says so.
  public func run(until isOver: () -> Bool) {
    logger.notice("agent ready on \(path)")
    while !isOver() {
      wait(toClose.isEmpty ? 500 : Int32(Self.closeInterval / 2))
      settle()
    }
    save()
    for connection in connections { close(connection) }
    if let lock { close(lock) }
    close(listener)
    unsafe unlink(path)
  }

  // MARK: Requests

  private func wait(_ milliseconds: Int32) {
    // A negative descriptor is left out.
    var polled = ([listener] + (commits?.descriptors ?? [-1, -1]) + connections).map {
      pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
    }
    var count: Int32 = 0
    while count == 0, BootClock.microseconds < awakeUntil {
      count = unsafe poll(&polled, nfds_t(polled.count), 0)
      // Whoever shares the processor, and the group that the scheduler counts by, goes first.
      if count == 0 { sched_yield() }
    }
    if count == 0 { count = unsafe poll(&polled, nfds_t(polled.count), milliseconds) }
    guard count > 0 else { return }
    let ready = polled.dropFirst(3).filter { $0.revents != 0 }
    if !ready.isEmpty { store.considerately(lock) { for entry in ready { serve(entry.fd) } } }
    if polled[1].revents != 0 { foreign = commits?.lastForeign() ?? foreign }
    if polled[2].revents != 0 { commits?.follow() }
    if polled[0].revents != 0 { admit() }
  }

  /// All that wait, so that nobody who is not meant keeps those out who are.
  private func admit() {
    for _ in 0..<Self.admissionLimit {
      let connection = accept4(
        listener, nil, nil, Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue))
      guard connection >= 0 else { return }
      let user = UnixSocket.user(of: connection)
      if let user, allowed.contains(user) {
        // Who is silent keeps nobody out.
        if connections.count >= Self.connectionLimit { close(connections.removeFirst()) }
        connections.append(connection)
      } else {
        refuse(connection, user)
      }
    }
  }

  /// Tells at most once a second.
  private func refuse(_ connection: Int32, _ user: uid_t?) {
    close(connection)
    refused += 1
    let now = BootClock.milliseconds
    guard now - refusedAt > 1000 else { return }
    let more = refused > 1 ? ", and \(refused - 1) before" : ""
    logger.warning("refused a connection of user \(user.map { "\($0)" } ?? "?")\(more)")
    refusedAt = now
    refused = 0
  }

  private func serve(_ connection: Int32) {
    var buffer = [UInt8](repeating: 0, count: AgentMessage.requestByteCount + 1)
    let count = unsafe recv(connection, &buffer, buffer.count, 0)
    guard count > 0 else {
      guard count == 0 || errno != EAGAIN else { return }
      connections.removeAll { $0 == connection }
      close(connection)
      return
    }
    if connections.last != connection, let place = connections.firstIndex(of: connection) {
      connections.append(connections.remove(at: place))
    }
    let answer: [UInt8]
    if let request = AgentMessage.decode(Array(buffer[..<count])) {
      answer = obey(request)
    } else {
      answer = AgentMessage.encode(.malformed, seconds: 0)
    }
    _ = unsafe send(connection, answer, answer.count, UnixSocket.withoutSignal)
  }

  private let kernel = BanSocket()

  private func obey(_ request: AgentMessage.Request) -> [UInt8] {
    if request.operation == .look { return facts() }
    do {
      let rules = try rules()
      switch request.operation {
      case .look: return facts()
      case .unban:
        _ = try BanBook(store).remove(request.network)
        isChanged = true
        return AgentMessage.encode(.done, seconds: 0)
      case .ban:
        let wanted = request.seconds == 0 ? nil : UInt64(request.seconds)
        let seconds = try BanBook(store).ban(request.network, seconds: wanted, rules, kernel)
        isChanged = true
        banResults.done &+= 1
        if !rules.isOnTrial { toClose.append(request.network) }
        awakeUntil = BootClock.microseconds + Self.awakeTime
        return AgentMessage.encode(.done, seconds: UInt32(clamping: seconds))
      }
    } catch is BanBook.Refusal {
      banResults.never &+= 1
      return AgentMessage.encode(.never, seconds: 0)
    } catch {
      banResults.failed &+= 1
      logger.error("\(request.network) was not banned: \(error)")
      return AgentMessage.encode(.failed, seconds: 0)
    }
  }

  private func facts() -> [UInt8] {
    do { return AgentMessage.encode(try look.facts(drift: drift.count, bans: banResults)) } catch {
      logger.error("the firewall could not be looked at: \(error)")
      return AgentMessage.encode(.failed, seconds: 0)
    }
  }

  /// Of the generation in force; read again only after a change.
  private func rules() throws -> ResolvedPolicy {
    let stamp = store.stateStamp
    if let policy, policy.state == stamp { return policy.rules }
    let rules = try BanBook(store).policy()
    policy = (stamp, rules)
    return rules
  }

  // MARK: What can wait

  private func settle() {
    let now = BootClock.milliseconds
    if !toClose.isEmpty, now - closedAt > Self.closeInterval {
      closedAt = now
      // All at once: each look at the machine's connections costs the same.
      let closed = Connections.close(from: toClose)
      logger.notice(
        "banned \(toClose.map(\.description).joined(separator: ", ")); closed \(closed.count) connection(s)"
      )
      for fault in closed.faults { logger.error("\(fault)") }
      toClose = []
    }
    let interval = isChanged ? Self.writeInterval : Self.saveInterval
    if now - savedAt > interval { save() }
    keepForeign()
    guard now - lookedAt > Self.driftInterval else { return }
    lookedAt = now
    guard let state = try? store.state(), state.generation > 0 else { return }
    if let pending = state.pending { return standIn(for: pending) }
    followClock(state)
    lookForDrift(state)
  }

  /// Should the guard of a pending generation be gone, somebody has to go back.
  private func standIn(for pending: PolicyState.Pending) {
    let grace: Int64 = 2000
    guard pending.boot != BootClock.id || BootClock.milliseconds - grace > pending.deadline
    else { return }
    logger.warning("generation \(pending.generation) was not confirmed, and its guard is gone")
    do { try PolicyApplication(store).expire(pending, others: true) } catch {
      logger.error("going back to generation \(pending.previous) failed: \(error)")
    }
  }

  /// Writes down who else has written; not for each commit of one who writes all the time.
  private func keepForeign() {
    guard let commit = foreign else { return }
    foreign = nil
    do {
      try store.write(
        KeptCommit(
          generation: commit.generation, process: commit.process, name: commit.name, time: Date()))
    } catch { logger.error("who wrote last was not written down: \(error)") }
  }

  /// The kernel's time limits run on whatever the clock is set to: ends would move with it. And the
  /// windows of schedules reach only so far.
  private func followClock(_ state: PolicyState) {
    let offset = WallClock.offset
    // It may have been set while no agent ran, such as by NTP right after the start of the machine.
    let before = state.clock.flatMap { $0.boot == BootClock.id ? $0.offset : nil } ?? clock
    let isSet =
      offset.subtractingReportingOverflow(before).partialValue.magnitude
      > UInt64(Self.clockTolerance)
    let age = CompiledPolicy.now.subtractingReportingOverflow(state.appliedAt ?? .max).partialValue
    guard isSet || age > Self.longestScheduleAge else { return }
    let reason = isSet ? "the clock was set" : "schedules reach further"
    do {
      try PolicyApplication(store).restore(state.generation, reason: reason)
      logger.notice("generation \(state.generation) was applied once more: \(reason)")
      clock = offset
    } catch { logger.error("ends and schedules are as before (\(reason)): \(error)") }
  }

  private func save() {
    savedAt = BootClock.milliseconds
    isChanged = false
    guard (try? FirewallKernel.exists()) == true else { return }
    do { try BanBook(store).save() } catch { logger.error("bans were not written: \(error)") }
  }

  /// Of the generation in force; read again only after a change.
  private func frame(
    of state: PolicyState
  ) throws -> (Ruleset, FirewallPolicy.DriftReaction) {
    let stamp = store.stateStamp
    if let known, known.state == stamp { return (known.frame, known.reaction) }
    let policy = try store.policy(of: state.generation)
    let frame = CompiledPolicy.applied(policy, state).ruleset.frame
    known = (stamp, frame, policy.onDrift)
    return (frame, policy.onDrift)
  }

  /// Told once, when it begins, and once when it is over.
  private func lookForDrift(_ state: PolicyState) {
    let generation = try? FirewallKernel.generation()
    guard generation != lookedAtGeneration else { return }
    lookedAtGeneration = generation
    guard let (frame, reaction) = try? frame(of: state) else { return }
    let found =
      (try? FirewallKernel.drift(from: frame, rules: state.rules, elements: false)) ?? []
    if found != drift {
      let writer = (try? store.lastCommit())?.map { "; last change by \($0)" } ?? ""
      for item in found {
        logger.warning("\(item.subject) \(item.fault)\(writer): gatehouse policy verify")
      }
      if found.isEmpty { logger.notice("the kernel is again as it was applied") }
    }
    drift = found
    // An apply may have been under way, whose state is not written yet.
    if !found.isEmpty { lookedAtGeneration = nil }
    guard !found.isEmpty, reaction == .restore else { return }
    do {
      try PolicyApplication(store).restore(state.generation, reason: "on_drift: restore")
      logger.notice("generation \(state.generation) was applied once more (on_drift: restore)")
      drift = []
    } catch { logger.error("generation \(state.generation) could not be restored: \(error)") }
  }
}
