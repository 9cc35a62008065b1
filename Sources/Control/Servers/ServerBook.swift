internal import Foundation
internal import Logging
internal import Proxy
internal import Synchronization

/// Where it is decided how each server stands: the file, overrides, health, roles and tiers together.
///
/// file, overrides ─┐
/// health reports ──┼─▶ ServerMerge of each ─▶ TierSelection of each backend ─▶ ProxyServer.stand
/// roles, ejections ┘
final class ServerBook: Sendable {
  struct State {
    /// As the file has it, and with servers added and removed.
    var file = ProxyConfiguration()
    var applied = ProxyConfiguration()
    var overrides = OverrideBook()
    var reports: [ServerID: HealthReport] = [:]
    var roles: [ServerID: ServerMerge.ToldRole] = [:]
    var ejections: [ServerID: ServerMerge.Ejection] = [:]
    var tiers: [String: TierSelection] = [:]
    var guards: [ServerID: FlapGuard] = [:]
    /// What the workers were last told.
    var standings: [ServerID: ServerStanding] = [:]
    /// Changes of a server's word ("up", "down", "drain" ...), since the process began.
    var changes: [ServerID: UInt64] = [:]
    var words: [ServerID: String] = [:]
    /// Overrides that could not be read or kept.
    var damage: String?
    var keepTrouble: String?
  }

  private let overrideFile: OverrideFile?
  let logger: Logger
  private let stand = Mutex<(@Sendable ([ServerID: ServerStanding]) -> Void)?>(nil)
  private let state: Mutex<State>

  /// Reads what was changed before, if a folder keeps it.
  init(_ file: ProxyConfiguration, _ folder: StateFolder, _ logger: Logger) {
    self.logger = logger
    overrideFile = folder.file("overrides.json").map(OverrideFile.init)
    var state = State()
    do throws(OverrideFile.Damage) {
      state.overrides = try overrideFile?.read() ?? OverrideBook()
    } catch {
      state.damage = error.text
      logger.error("\(error.text)")
    }
    self.state = Mutex(state)
    adopt(file)
  }

  /// From now on, `stand` is told of every change, and at once of what is.
  func begin(_ tell: @escaping @Sendable ([ServerID: ServerStanding]) -> Void) {
    stand.withLock { $0 = tell }
    changing { $0.standings = [:] }
  }

  /// The file was read anew.
  func adopt(_ file: ProxyConfiguration) {
    changing { state in
      state.file = file
      let before = state.overrides
      for finding in state.overrides.compare(with: file.backends, at: Date()) { self.log(finding) }
      if state.overrides != before { self.keep(&state) }
      state.become(state.overrides.applied(to: file))
      // Workers begin a new generation from its file.
      state.standings = [:]
    }
  }

  /// A file's configuration with the servers that were added and without those removed.
  func applied(to file: ProxyConfiguration) -> ProxyConfiguration {
    state.withLock { $0.overrides.applied(to: file) }
  }

  /// What health checks know; those that are not named keep what they have.
  func told(_ reports: @autoclosure () -> [ServerID: HealthReport]) {
    changing { state in
      // Asked for in here: nothing older is ever told after something newer.
      let reports = reports()
      let checked = state.checked
      for (id, report) in reports where checked.contains(id) {
        let before = state.reports[id]?.verdict ?? .unknown
        state.reports[id] = report
        // That all is well at the start needs no words.
        guard report.verdict != before, before == .down || report.verdict == .down else { continue }
        // One that is held out is told of when it no longer is.
        guard state.guards[id]?.hold == nil else { continue }
        self.log(id, report, state.health(of: id))
      }
    }
  }

  /// What database checks say of roles: nil where a server has none now.
  func told(_ roles: [ServerID: ServerRole?]) {
    changing { state in
      for (id, role) in roles where state.hasToldRole(id) {
        let next = role.map { ServerMerge.ToldRole.role($0) } ?? .none
        guard state.roles[id] != next else { continue }
        state.roles[id] = next
        let word = role.map { "a \($0.rawValue)" } ?? "without a role"
        self.logger.notice("server \(id) is \(word)", metadata: .about(id))
      }
    }
  }

  /// Workers have ejected a server under their own eyes.
  func ejected(_ id: ServerID, until: Date, reason: String) {
    changing { state in
      if state.ejections[id] == nil, state.guards[id]?.hold == nil { self.logEjection(id, reason) }
      state.ejections[id] = .init(until: until.timeIntervalSince1970, reason: reason)
    }
  }

  /// Ends what ends by time; true when servers came or went with it.
  func tick() -> Bool {
    changing { state in
      let now = Date()
      state.ejections = state.ejections.filter { $0.value.until > now.timeIntervalSince1970 }
      let ended = state.overrides.end(at: now)
      guard !ended.isEmpty else { return false }
      for override in ended {
        self.logger.of(.override).notice(
          "override \(override.name) has ended", metadata: .about(override.name))
      }
      self.keep(&state)
      return state.reapply()
    }
  }

  /// Looks at, without a change.
  func look<Answer>(_ body: (borrowing State) -> Answer) -> Answer { state.withLock { body($0) } }

  /// Changes the overrides; true when servers came or went with it.
  func change(_ body: (inout State) throws(ServerRefusal) -> Void) throws(ServerRefusal) -> Bool {
    try changing { state throws(ServerRefusal) in
      let before = state.overrides
      do throws(ServerRefusal) { try body(&state) } catch {
        state.overrides = before
        throw error
      }
      if state.damage != nil {
        self.overrideFile?.putAside()
        state.damage = nil
      }
      self.keep(&state)
      return state.reapply()
    }
  }

  /// Runs the change, then says what follows of it, in order.
  func changing<Answer, Failure>(
    _ body: (inout State) throws(Failure) -> Answer
  ) throws(Failure) -> Answer {
    try state.withLock { state throws(Failure) in
      let answer = try body(&state)
      settle(&state)
      return answer
    }
  }

  private func settle(_ state: inout State) {
    let now = Self.uptime
    let held = state.guardServers(at: now)
    for (backend, change) in state.chooseTiers(at: now) { log(change, backend) }
    if state.noteTiers() { keep(&state) }
    publish(&state)
    for (id, change) in held { log(change, id, state.words[id] ?? "") }
  }

  /// How servers would stand in a configuration that is about to be put to work.
  func standings(of configuration: ProxyConfiguration) -> [ServerID: ServerStanding] {
    state.withLock { $0.standings(of: configuration) }
  }

  /// Puts a file's configuration, with the servers that were added and without those removed, to work
  /// with how its servers stand.
  ///
  /// Nothing is held while `adopt` makes thousands of certificates ready. Nobody is told of anything
  /// newer while it hands over, which that would undo.
  func putToWork(
    _ file: ProxyConfiguration,
    _ adopt: (ProxyConfiguration, ProxyServer.HandOver) throws -> Void
  ) throws -> ProxyConfiguration {
    let configuration = applied(to: file)
    try adopt(configuration) { put in
      state.withLock { state in
        put(state.standings(of: configuration))
        // Of another configuration, so whatever comes next is told whole.
        state.standings = [:]
      }
    }
    return configuration
  }

  /// Goes back to a backend's better tier at once; nil when it is in use, or can't be.
  func failBack(_ backend: String) -> TierSelection.Change? {
    changing { state in
      guard let group = state.applied.backends.first(where: { $0.name == backend }),
        var tier = state.tiers[backend]
      else { return nil }
      let members = state.merges(of: group).map(\.member)
      let change = tier.update(members, group.tiers, at: Self.uptime, isBackAskedFor: true)
      state.tiers[backend] = tier
      if let change { self.log(change, backend) }
      return change
    }
  }

  private func publish(_ state: inout State) {
    var standings: [ServerID: ServerStanding] = [:]
    for merge in state.allMerges() {
      standings[merge.id] = merge.standing
      let word = merge.word
      if let before = state.words[merge.id], before != word {
        state.changes[merge.id, default: 0] += 1
      }
      state.words[merge.id] = word
    }
    guard standings != state.standings, let tell = stand.withLock({ $0 }) else { return }
    state.standings = standings
    tell(standings)
  }

  private func keep(_ state: inout State) {
    guard state.damage == nil, let overrideFile else { return }
    do {
      try overrideFile.write(state.overrides)
      state.keepTrouble = nil
    } catch {
      state.keepTrouble = "overrides are not kept on disk: \(error)"
      logger.of(.override).error("overrides are not kept on disk: \(error)")
    }
  }

  static var uptime: Int64 { Int64(ProcessInfo.processInfo.systemUptime * 1000) }
}

/// Why a change to a server is refused.
struct ServerRefusal: Error {
  var status: UInt16
  var text: String

  init(_ status: UInt16, _ text: String) {
    self.status = status
    self.text = text
  }
}
