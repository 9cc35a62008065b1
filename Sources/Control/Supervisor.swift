public import Configuration
public import Firewall
internal import Foundation
public import Logging
public import Proxy
internal import Synchronization

/// One running Gatehouse: its data plane, its admin socket, and the generation they run.
public final class Supervisor: Sendable {
  private struct State {
    var loaded: LoadedConfiguration
    var generation = 1
    var appliedAt = Date()
    var lastErrors: [String] = []
    var rejections: UInt64 = 0
  }

  public let path: String
  let logger: Logger
  let proxy: ProxyServer
  let servers: ServerBook
  let health: HealthDesk
  let audit: AuditLog
  let events: EventBook
  let history = TrafficHistory()
  let peaks = PeakBook()
  let firewall = FirewallDesk()
  private let traces: TraceExporter
  private let bans: RefusalBans
  let certificates: CertificateDesk
  let challenges: ChallengeBoard
  private let renewer: Renewer
  private let names: NameWatch
  let changes = AdminLane("gatehouse.changes")
  let questions = AdminLane("gatehouse.questions")
  let explanations = ExplainDesk()
  private let databases: DatabaseWatch
  private let chores = Mutex<[Chore]>([])
  /// One change of the configuration that runs at a time.
  private let applying = Mutex<Void>(())
  private let admin: Mutex<ProxyServer?> = Mutex(nil)
  let door = AdminDoor()
  let healthDoor = HealthDoor()
  let isEnding = Atomic(false)
  private let haproxy: Mutex<HAProxySocket?> = Mutex(nil)
  private let startedAt: Date
  private let startTerms: StartTerms
  private let verdicts: VerdictKeeper
  private let state: Mutex<State>

  /// Loads the file and binds every listener, or throws what is wrong with it.
  public init(path: String, logger: Logger) throws {
    self.path = path
    startedAt = Date()
    verdicts = VerdictKeeper(startedAt: startedAt)
    let loaded = try ConfigurationFile.load(path)
    startTerms = StartTerms(loaded)
    let folder = loaded.adminSocket == nil ? StateFolder() : StateFolder(loaded.state)
    events = EventBook(folder.file("events.log"))
    let logger = logger.noting(in: events)
    self.logger = logger
    for warning in loaded.warnings { logger.of(.apply).warning("\(warning)") }
    let bans = RefusalBans(logger: logger.of(.ban))
    bans.adopt(loaded)
    if let trouble = folder.trouble { logger.warning("\(trouble)") }
    audit = AuditLog(path: folder.file("audit.log"))
    let servers = ServerBook(loaded.proxy, folder, logger.of(.server))
    self.servers = servers
    let health = HealthDesk(servers, logger.of(.server))
    self.health = health
    let traces = TraceExporter(logger)
    traces.adopt(loaded.tracing)
    self.traces = traces
    let told = ProxyEvents(bans, servers, health, traces, logger)
    let configuration = servers.applied(to: loaded.proxy)
    let standings = servers.standings(of: configuration)
    proxy = try ProxyServer(configuration, standings: standings) { told.take($0) }
    told.begin(with: proxy)
    self.bans = bans
    certificates = CertificateDesk(proxy, loaded, logger.of(.certificate))
    challenges = ChallengeBoard(proxy)
    renewer = Renewer(certificates, challenges, logger.of(.certificate))
    renewer.adopt(loaded)
    names = NameWatch(logger.of(.name))
    names.adopt(loaded)
    databases = Self.watchDatabases(servers, health, logger.of(.database))
    state = Mutex(State(loaded: loaded))
    firewall.adopt(loaded)
    servers.begin { [proxy] in proxy.stand($0) }
    watch(configuration)
    tellEvents()
  }

  private static func watchDatabases(
    _ servers: ServerBook, _ health: HealthDesk, _ logger: Logger
  ) -> DatabaseWatch {
    DatabaseWatch(
      logger, isPaused: { id in servers.look { $0.unchecked.contains(id) } },
      .init(
        checked: { id, isGood, result, took in
          health.record(ProbeResult(isGood: isGood, text: result, took: took), of: id)
        }, roles: { servers.told($0) }))
  }

  var generation: Int { state.withLock { $0.generation } }

  var roles: AdminRoles { state.withLock { $0.loaded.adminRoles } }

  public var policy: FirewallPolicy? { state.withLock { $0.loaded.policy } }
  public var policyPath: String? { state.withLock { $0.loaded.policyPath } }

  /// All that can be known of a configuration without binding its addresses.
  public static func check(_ loaded: LoadedConfiguration) throws {
    try ProxyServer.check(loaded.proxy)
    if let terms = loaded.adminListen { try AdminDoor.check(terms) }
  }

  /// The addresses that are bound.
  public var addresses: [SocketAddress] { proxy.addresses }

  /// Opens the admin socket, readable and writable for its owner and group only, and what the file has
  /// of doors over TCP: one for administrators, one that tells how it is.
  public func openDoors() throws {
    try openHealth(loaded)
    let (path, group) = state.withLock { ($0.loaded.adminSocket, $0.loaded.adminGroup) }
    guard let path else { return }
    let server = try AdminSocket.open(path, group: group, AdminAPI(supervisor: self)) {
      [logger] in ProxyEvents.log($0, to: logger)
    }
    admin.withLock { $0 = server }
    try openDoor(loaded)
    let open = door.addresses.map(\.description).joined(separator: ", ")
    if !open.isEmpty { logger.notice("the admin API and the dashboard are on \(open)") }
    guard let other = loaded.haproxySocket else { return }
    let commands = HAProxyCommands(supervisor: self)
    let answers = try HAProxySocket(other, group: group, commands)
    haproxy.withLock { $0 = answers }
  }

  /// Beside the socket only: that, and the audit log, are a matter of the start.
  private func openDoor(_ loaded: LoadedConfiguration) throws {
    guard admin.withLock({ $0 != nil }) else { return }
    try door.adopt(loaded.adminListen, AdminAPI(supervisor: self)) { [logger] in
      ProxyEvents.log($0, to: logger)
    }
  }

  var adminAudience: Int { admin.withLock { $0 }?.audience ?? 0 }

  func publish(_ bytes: [UInt8]) {
    door.publish(bytes)
    admin.withLock { $0 }?.publish(bytes)
  }

  /// Says that it serves.
  public func announce() {
    let all = addresses.map(\.description).joined(separator: ", ")
    logger.of(.process).notice("ready on \(all)")
  }

  /// Applies the file as it is now; on any error nothing changes, and the errors are returned.
  func apply(by: String) -> [String] {
    applying.withLock { _ in
      do {
        let loaded = try ConfigurationFile.load(path, lastAddresses: names.addresses)
        let before = self.loaded
        try openDoor(loaded)
        do {
          try openHealth(loaded)
          try certificates.apply(loaded, putToWork)
        } catch {
          try? openDoor(before)
          try? openHealth(before)
          throw error
        }
        servers.adopt(loaded.proxy)
        bans.adopt(loaded)
        firewall.adopt(loaded)
        renewer.adopt(loaded)
        names.adopt(loaded)
        traces.adopt(loaded.tracing)
        adopted(loaded, by: by)
        return []
      } catch {
        let errors = Self.lines(of: error)
        let logger = logger.of(.apply)
        for line in errors { logger.error("\(line)", metadata: .about(path, by: by)) }
        logger.error(
          "\(path) was not applied: the generation before goes on", metadata: .about(path, by: by))
        state.withLock {
          $0.lastErrors = errors
          $0.rejections += 1
        }
        return errors
      }
    }
  }

  private func putToWork(_ file: ProxyConfiguration) throws {
    let configuration = try servers.putToWork(file) { configuration, handOver in
      try proxy.adopt(configuration, handOver: handOver)
    }
    watch(configuration)
  }

  private func watch(_ configuration: ProxyConfiguration) {
    health.adopt(configuration)
    databases.adopt(configuration)
  }

  private func adopted(_ loaded: LoadedConfiguration, by: String) {
    let generation = state.withLock { state in
      state.loaded = loaded
      state.generation += 1
      state.appliedAt = Date()
      state.lastErrors = []
      return state.generation
    }
    let logger = logger.of(.apply)
    proxy.reopenLog()
    for warning in loaded.warnings + startTerms.waiting(in: loaded) { logger.warning("\(warning)") }
    logger.notice(
      "applied \(path): generation \(generation)",
      metadata: .about("generation \(generation)", by: by))
  }

  /// Puts the file's configuration to work once more, with servers added and removed since.
  func reconfigure() throws { try adopt { _ in } }

  var loaded: LoadedConfiguration { state.withLock { $0.loaded } }

  /// The generation that runs, and what it says.
  var current: (generation: Int, loaded: LoadedConfiguration) {
    state.withLock { ($0.generation, $0.loaded) }
  }

  /// Applies of the file that were refused, since the start.
  var rejections: UInt64 { state.withLock { $0.rejections } }

  /// Puts a change of what runs to work that is not the file's, such as new addresses.
  func adopt(_ change: (inout LoadedConfiguration) -> Void) throws {
    try applying.withLock { _ in
      var loaded = loaded
      change(&loaded)
      try certificates.keepServed(in: loaded.proxy, putToWork)
      servers.adopt(loaded.proxy)
      state.withLock { $0.loaded = loaded }
    }
  }

  /// Begins what is done beside serving: certificates that change, keys that age.
  public func beginChores() {
    let watch = FolderWatch(folders: certificates.folders.values.sorted())
    let all = [
      Chore(every: 1) { [certificates] in
        if watch.hasChanged(certificates.folders.values.sorted()) {
          _ = certificates.refresh(isAsked: false)
        }
      },
      Chore(every: 60) { [certificates] in
        if certificates.hasStopped { _ = certificates.refresh(isAsked: false) }
      },
      Chore(every: 1) { [proxy] in proxy.renewTicketKeys() },
      Chore(every: 1) { [door, logger] in
        if let trouble = door.follow() { logger.error("admin.listen: \(trouble)") }
      },
      Chore(every: Self.statusInterval) { [self] in publishStatus() },
      Chore(every: Self.heartbeatInterval) { [self] in publishHeartbeat() },
      Chore(every: 60) { [challenges] in challenges.dropOld() },
      Chore(every: 1) { [renewer] in renewer.work() },
      Chore(every: 0.25) { [self] in followServers() },
      Chore(every: 1) { [traces] in traces.work() },
      Chore(every: 1) { [self] in
        let reports = proxy.report()
        // One that is silent would look like traffic that goes back, and then a burst.
        if reports.count == proxy.workerCount {
          history.add(reports)
          peaks.add(reports)
        }
        followVerdict()
        publishMoment()
      },
      Chore(every: 0.5) { [self] in names.work { [self] in move($0, from: $1) } },
    ]
    chores.withLock { $0 = all }
  }

  /// Lets time pass for what is said of servers.
  private func followServers() {
    health.follow()
    guard servers.tick() else { return }
    do { try reconfigure() } catch {
      logger.of(.server).error("servers that came or went are not put to work: \(error)")
    }
  }

  public func status() -> Status { status(TrafficView(proxy.report(), history)) }

  func status(_ view: TrafficView) -> Status {
    let state = state.withLock { $0 }
    let configuration = state.loaded.proxy
    let (backends, troubles, overrides) = servers.look { book in
      (
        book.applied.backends.map { book.status($0, view) }, book.troubles,
        book.overrides.overrides.count
      )
    }
    var status = Status(
      version: Version.current, pid: ProcessInfo.processInfo.processIdentifier,
      startedAt: startedAt,
      isEnding: isEnding.load(ordering: .relaxed), generation: state.generation,
      appliedAt: state.appliedAt,
      configuration: path, configurationPath: CertificateRefresh.absolute(path),
      policy: state.loaded.policyPath, workers: view.reports.count,
      listeners: configuration.listeners.map { .init($0, addresses: $0.addresses, view.traffic) },
      backends: backends, routes: .init(view.traffic, configuration),
      certificates: .init(certificates.served, now: Date()),
      renewals: renewer.outlook.map(Status.Renewal.init), traffic: .init(view),
      firewall: .init(view.reports, firewallFacts(state.loaded)),
      log: proxy.logReport.map(Status.Log.init),
      names: names.report, databases: databases.report, tracing: traces.report,
      lastApplyErrors: state.lastErrors, restartNeeded: startTerms.waiting(in: state.loaded),
      overrideErrors: troubles,
      overrides: overrides,
      certificateErrors: certificates.troubles + certificates.uncovered(configuration)
        + ProxyServer.outdatedTerms(of: configuration))
    let causes = Verdict.causes(of: status)
    let since = verdicts.since(causes.map(\.severity).max() ?? .ok)
    status.verdict = Verdict(status, causes, since: since)
    return status
  }

  /// Who has neither a policy nor an agent asks nobody about the kernel.
  private func firewallFacts(_ loaded: LoadedConfiguration) -> FirewallFacts? {
    loaded.policyPath == nil && loaded.agentSocket == nil ? nil : firewall.facts()
  }

  /// Has the verdict's time be right: looks when something happened, and now and then without.
  private func followVerdict() {
    if verdicts.isDue(events.lastID) { _ = status() }
  }

  /// After its file was moved away.
  public func reopenLog() { proxy.reopenLog() }

  /// Takes nothing new, lets what runs finish, and returns when it has.
  public func drain() {
    beginEnding()
    for chore in chores.withLock({ $0 }) { chore.stop() }
    databases.stop()
    health.stop()
    logger.of(.process).notice(
      "draining: no new connections, up to the drain timeout for those that run")
    proxy.drain()
    proxy.waitUntilStopped()
    // The spans of the last requests; a collector that is away has had its time.
    traces.work()
    proxy.endLog()
    door.stop()
    healthDoor.stop()
    admin.withLock { $0?.stop() }
    haproxy.withLock { $0?.stop() }
    if let socket = state.withLock({ $0.loaded.adminSocket }) {
      try? FileManager.default.removeItem(atPath: socket)
    }
    logger.of(.process).notice("stopped")
    events.flush()
  }

  private static func lines(of error: any Error) -> [String] {
    if let errors = error as? ConfigurationErrors { return errors.lines }
    return ["\(error)"]
  }

  /// Clients behind trusted proxies, too, which the kernel cannot tell apart.
  func ban(_ address: Address, seconds: UInt64, by: String) {
    // As text: see RefusalBans.
    let name = "\(address)"
    logger.of(.ban).notice(
      "\(name) is banned for \(seconds) s by \(by)", metadata: .about(name, by: by))
    proxy.ban(IPAddress(address), until: CompiledPolicy.now + Int64(clamping: seconds))
  }

  /// Ends what the proxy itself keeps of a ban.
  func unban(_ address: Address, by: String) {
    let name = "\(address)"
    logger.of(.ban).notice("\(name) is banned no more, by \(by)", metadata: .about(name, by: by))
    proxy.unban(IPAddress(address))
  }
}
