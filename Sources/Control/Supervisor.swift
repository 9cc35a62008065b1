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
    /// Weights set while running, by "backend/server"; they outlive an apply.
    var weights: [String: Int] = [:]
  }

  public let path: String
  let logger: Logger
  private let proxy: ProxyServer
  private let bans: RefusalBans
  let certificates: CertificateDesk
  let challenges: ChallengeBoard
  private let renewer: Renewer
  private let names: NameWatch
  /// Held while the configuration changes, by an apply or by new addresses of a name.
  private let changing = Mutex<Void>(())
  private let chores = Mutex<[Chore]>([])
  private let admin: Mutex<ProxyServer?> = Mutex(nil)
  private let startedAt = Date()
  private let state: Mutex<State>

  /// Loads the file and binds every listener, or throws what is wrong with it.
  public init(path: String, logger: Logger) throws {
    self.path = path
    self.logger = logger
    let loaded = try ConfigurationFile.load(path)
    for warning in loaded.warnings { logger.warning("\(warning)") }
    let bans = RefusalBans(logger: logger)
    bans.adopt(loaded)
    // The workers begin before there is a server to hand them bans.
    let running = RunningProxy()
    proxy = try ProxyServer(loaded.proxy) { event in
      if case .refusedRequest(let client, let listener) = event {
        bans.count(client, listener, running.server)
      } else {
        Self.log(event, to: logger)
      }
    }
    running.server = proxy
    self.bans = bans
    certificates = CertificateDesk(proxy, loaded, logger)
    challenges = ChallengeBoard(proxy)
    renewer = Renewer(certificates, challenges, logger)
    renewer.adopt(loaded)
    names = NameWatch(logger)
    names.adopt(loaded)
    state = Mutex(State(loaded: loaded))
  }

  public var policy: FirewallPolicy? { state.withLock { $0.loaded.policy } }
  public var policyPath: String? { state.withLock { $0.loaded.policyPath } }

  /// All that can be known of a configuration without binding its addresses.
  public static func check(_ loaded: LoadedConfiguration) throws {
    try ProxyServer.check(loaded.proxy)
  }

  /// The addresses that are bound.
  public var addresses: [SocketAddress] { proxy.addresses }

  /// Opens the admin socket, readable and writable for its owner and group only.
  public func openAdminSocket() throws {
    guard let socket = state.withLock({ $0.loaded.adminSocket }) else { return }
    let folder = URL(fileURLWithPath: socket).deletingLastPathComponent()
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var configuration = ProxyConfiguration()
    configuration.workers = 1
    configuration.listeners = [.init(name: "admin", addresses: [.unix(path: socket)])]
    configuration.routes = [.init(host: .any, path: .any, action: .local)]
    let api = AdminAPI(supervisor: self)
    let logger = logger
    let server = try ProxyServer(
      configuration, responder: { api.answer($0) }, log: { Self.log($0, to: logger) })
    admin.withLock { $0 = server }
  }

  /// Applies the file as it is now; on any error nothing changes, and the errors are returned.
  public func apply() -> [String] { changing.withLock { _ in applyFile() } }

  private func applyFile() -> [String] {
    do {
      let loaded = try ConfigurationFile.load(path, lastAddresses: names.addresses)
      let weights = state.withLock { $0.weights }
      try certificates.apply(loaded) {
        let new = $0.overriding(weights)
        try proxy.adopt(new, standings: new.standings)
      }
      bans.adopt(loaded)
      renewer.adopt(loaded)
      names.adopt(loaded)
      state.withLock {
        $0.loaded = loaded
        $0.generation += 1
        $0.appliedAt = Date()
        $0.lastErrors = []
      }
      for warning in loaded.warnings { logger.warning("\(warning)") }
      logger.notice("applied \(path): generation \(state.withLock { $0.generation })")
      return []
    } catch {
      let errors = Self.lines(of: error)
      for line in errors { logger.error("\(line)") }
      logger.error("\(path) was not applied: the generation before goes on")
      state.withLock { $0.lastErrors = errors }
      return errors
    }
  }

  var loaded: LoadedConfiguration { state.withLock { $0.loaded } }

  /// Puts a change of what runs to work that is not the file's, such as new addresses.
  func adopt(_ change: (inout LoadedConfiguration) -> Void) throws {
    try changing.withLock { _ in
      var (loaded, weights) = state.withLock { ($0.loaded, $0.weights) }
      change(&loaded)
      try certificates.keeping(loaded) {
        let new = $0.overriding(weights)
        try proxy.adopt(new, standings: new.standings)
      }
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
      Chore(every: 60) { [challenges] in challenges.dropOld() },
      Chore(every: 1) { [renewer] in renewer.work() },
      Chore(every: 0.5) { [self] in names.work { move($0, from: $1) } },
    ]
    chores.withLock { $0 = all }
  }

  /// Sets a weight on top of the file; says what is wrong with the name, if anything.
  func setWeight(_ weight: Int, backend: String, server: String) -> String? {
    let loaded = state.withLock { $0.loaded }
    guard let group = loaded.proxy.backends.first(where: { $0.name == backend }) else {
      let all = loaded.proxy.backends.map(\.name).joined(separator: ", ")
      return "no backend \"\(backend)\"; there are: \(all)"
    }
    guard group.servers.contains(where: { $0.name == server }) else {
      let all = group.servers.map(\.name).joined(separator: ", ")
      return "no server \"\(server)\" in backend \"\(backend)\"; there are: \(all)"
    }
    let weights = state.withLock {
      $0.weights["\(backend)/\(server)"] = weight
      return $0.weights
    }
    proxy.stand(loaded.proxy.overriding(weights).standings)
    logger.notice("weight of \(backend)/\(server) set to \(weight)")
    return nil
  }

  public func status() -> Status {
    let reports = proxy.report()
    let state = state.withLock { $0 }
    let configuration = state.loaded.proxy
    var configured: [String: Int] = [:]
    for backend in configuration.backends {
      for server in backend.servers { configured["\(backend.name)/\(server.name)"] = server.weight }
    }
    return Status(
      version: Version.current, pid: ProcessInfo.processInfo.processIdentifier,
      startedAt: startedAt, generation: state.generation, appliedAt: state.appliedAt,
      configuration: path, configurationPath: CertificateRefresh.absolute(path),
      policy: state.loaded.policyPath, workers: reports.count,
      listeners: configuration.listeners.map { .init($0, addresses: $0.addresses) },
      backends: configuration.backends.map {
        .init($0, configured: configured, reports: reports)
      },
      certificates: .init(certificates.served, now: Date()),
      renewals: renewer.outlook.map(Status.Renewal.init), traffic: .init(reports),
      names: names.report, lastApplyErrors: state.lastErrors,
      certificateErrors: certificates.troubles + certificates.uncovered(configuration)
        + ProxyServer.outdatedTerms(of: configuration))
  }

  /// Takes nothing new, lets what runs finish, and returns when it has.
  public func drain() {
    for chore in chores.withLock({ $0 }) { chore.stop() }
    logger.notice("draining: no new connections, up to the drain timeout for those that run")
    proxy.drain()
    proxy.waitUntilStopped()
    admin.withLock { $0?.stop() }
    if let socket = state.withLock({ $0.loaded.adminSocket }) {
      try? FileManager.default.removeItem(atPath: socket)
    }
    logger.notice("stopped")
  }

  private static func lines(of error: any Error) -> [String] {
    if let errors = error as? ConfigurationErrors { return errors.lines }
    return ["\(error)"]
  }

  /// Clients behind trusted proxies, too, which the kernel cannot tell apart.
  func ban(_ address: Address, seconds: UInt64) {
    proxy.ban(IPAddress(address), until: CompiledPolicy.now + Int64(clamping: seconds))
  }

  /// Ends what the proxy itself keeps of a ban.
  func unban(_ address: Address) { proxy.unban(IPAddress(address)) }

  private static func log(_ event: ProxyEvent, to logger: Logger) {
    switch event {
    case .serverEjected(let server, let reason, _):
      logger.warning("server \(server) is set aside: \(reason)")
    case .refusedRequest: return
    case .trouble(let what): logger.error("\(what)")
    }
  }
}

/// The data plane, once it runs.
private final class RunningProxy: Sendable {
  private let content = Mutex<ProxyServer?>(nil)

  var server: ProxyServer? {
    get { content.withLock { $0 } }
    set { content.withLock { $0 = newValue } }
  }
}

extension ProxyConfiguration {
  /// As the file alone says.
  var standings: [ServerID: ServerStanding] {
    var all: [ServerID: ServerStanding] = [:]
    for backend in backends {
      let tier = backend.servers.map(\.tier).min() ?? 0
      for server in backend.servers {
        all[ServerID(backend: backend.name, server: server.name)] = ServerStanding(
          server, isInUse: server.tier == tier)
      }
    }
    return all
  }

  /// With weights that were set while running on top of the file's.
  func overriding(_ weights: [String: Int]) -> ProxyConfiguration {
    var configuration = self
    for backend in configuration.backends.indices {
      for server in configuration.backends[backend].servers.indices {
        let name =
          "\(configuration.backends[backend].name)/\(configuration.backends[backend].servers[server].name)"
        if let weight = weights[name] {
          configuration.backends[backend].servers[server].weight = weight
        }
      }
    }
    return configuration
  }
}
