internal import CLinux
internal import Glibc
internal import Synchronization

/// Why a configuration could not be put to work; the one before it goes on.
public enum ProxyError: Error, Sendable, Equatable, CustomStringConvertible {
  case listen(SocketError)
  case tls(TLSContextError)
  /// The system gave no thread, descriptor or randomness.
  case system(String)

  public var description: String {
    switch self {
    case .listen(let error): "can't \(error.attempted): \(error.reason)\(Self.hint(error))"
    case .tls(let error): "\(error.subject): \(error.reason)"
    case .system(let what): what
    }
  }

  private static func hint(_ error: SocketError) -> String {
    switch error.errno {
    case EADDRINUSE: "; see who has it: ss -lxtnp"
    case EACCES:
      "; a port below 1024 needs root, or: setcap cap_net_bind_service=+ep on the program"
    case EADDRNOTAVAIL: "; no interface of this machine has this address: ip address"
    case EEXIST: "; there is a file that is no socket"
    default: ""
    }
  }
}

/// The data plane as others see it: started, given new generations, asked, and drained.
public final class ProxyServer: Sendable {
  private struct State {
    var configuration: ProxyConfiguration
    /// The addresses that are bound, with the ports that the kernel chose for port 0.
    var bound: [SocketAddress]
    var ticketKeys: TicketKeys
    var challenges: [ACMEChallenge] = []
    var standings: [ServerID: ServerStanding] = [:]
    var bans = BanList()
    var sink: LogSink?
    /// Of generations before, whose last lines may still be written.
    var retired: [LogQueue] = []

    mutating func become(_ next: ProxyConfiguration, _ sink: LogSink?) {
      configuration = next
      retired.removeAll(where: \.hasEnded)
      if let old = self.sink, old !== sink { retired.append(old.queue) }
      self.sink = sink
      bound = next.listeners.flatMap(\.addresses)
    }
  }

  let mailboxes: [Mailbox]
  private let threads: Mutex<[pthread_t]>
  private let state: Mutex<State>
  private let shared = SharedServers()
  /// In place of one that the file does not name.
  private let cookieKey: [UInt8]
  private let logCounters: LogCounters
  private let eventLog: EventLog
  /// Held while a generation or certificates are made and handed over, one at a time. What takes
  /// long, such as thousands of certificates, is done under this one alone.
  private let building = Mutex<Void>(())
  /// Held while something goes to the workers, so that all of them hear of it in one order.
  private let changing = Mutex<Void>(())

  /// Binds every listener and starts a worker per core; nothing runs when it throws.
  public init(
    _ configuration: ProxyConfiguration, standings: [ServerID: ServerStanding] = [:],
    responder: Responder? = nil, log: @escaping EventLog
  ) throws(ProxyError) {
    raiseDescriptorLimit()
    guard let key = TicketKey() else { throw .system("no randomness for ticket keys") }
    let keys = TicketKeys(key, at: Clock.milliseconds() / 1000)
    let count = configuration.workers > 0 ? configuration.workers : Self.coreCount
    var configuration = configuration
    configuration.workers = count
    cookieKey = (0..<32).map { _ in .random(in: .min ... .max) }
    if configuration.cookieKey.isEmpty { configuration.cookieKey = cookieKey }
    let counters = LogCounters()
    logCounters = counters
    eventLog = log
    let sink = try Self.sink(configuration.log, counters, log)
    var mailboxes: [Mailbox] = []
    for _ in 0..<count {
      guard let mailbox = Mailbox() else { throw .system("no descriptor for a mailbox") }
      mailboxes.append(mailbox)
    }
    let (sockets, actual) = try Self.bind(configuration, workers: count, except: [])
    configuration = actual
    var threads: [pthread_t] = []
    for index in 0..<count {
      let start = WorkerStart(
        index: index, mailboxes: mailboxes,
        snapshot: Parcel(try Self.snapshot(configuration, standings, shared, sink)),
        selectors: Parcel(try Self.selectors(configuration.listeners, keys, [])),
        listeners: sockets[index],
        responder: responder, log: log)
      guard let thread = start.launch() else { throw .system("no thread for worker \(index)") }
      threads.append(thread)
    }
    self.mailboxes = mailboxes
    self.threads = Mutex(threads)
    state = Mutex(
      State(
        configuration: configuration, bound: configuration.listeners.flatMap(\.addresses),
        ticketKeys: keys, standings: standings, sink: sink))
  }

  /// Makes all that a worker would need, certificates above all, and throws it away.
  public static func check(_ configuration: ProxyConfiguration) throws(ProxyError) {
    guard let key = TicketKey() else { throw .system("no randomness for ticket keys") }
    _ = try snapshot(configuration, [:], SharedServers(), nil)
    _ = try selectors(configuration.listeners, TicketKeys(key, at: 0), [])
  }

  /// The addresses that are bound, listener by listener.
  public var addresses: [SocketAddress] { state.withLock { $0.bound } }

  /// What is done at the moment in which a generation goes to the workers: it has to call `put`, once.
  ///
  /// `standings`: how its servers are to be treated, in place of all that was said before; as before
  /// when nil.
  public typealias HandOver = (_ put: (_ standings: [ServerID: ServerStanding]?) -> Void) -> Void

  /// Puts a new generation to work, or throws and leaves the old one as it was. The number of
  /// workers stays what it was at the start.
  ///
  /// `handOver` is called when all is ready, so that whoever knows how servers stand says it then, and
  /// holds back what is newer until it has been put.
  public func adopt(
    _ configuration: ProxyConfiguration, handOver: HandOver = { $0(nil) }
  ) throws(ProxyError) {
    var configuration = configuration
    configuration.workers = mailboxes.count
    if configuration.cookieKey.isEmpty { configuration.cookieKey = cookieKey }
    try building.withLock { (_) throws(ProxyError) in
      let (sockets, actual) = try Self.bind(
        configuration, workers: mailboxes.count, except: addresses)
      let before = state.withLock { $0 }
      let sink =
        before.sink?.plan == actual.log
        ? before.sink : try Self.sink(actual.log, logCounters, eventLog)
      var snapshots: [Parcel<Snapshot>] = []
      for _ in mailboxes {
        snapshots.append(Parcel(try Self.snapshot(actual, [:], shared, sink)))
      }
      let selectors = try selectors(actual.listeners, before)
      handOver { standings in
        changing.withLock { _ in
          let newest = state.withLock {
            $0.become(actual, sink)
            if let standings { $0.standings = standings }
            return $0
          }
          for (index, mailbox) in mailboxes.enumerated() {
            mailbox.post(
              .adopt(
                snapshots[index], selectors[index], listeners: sockets[index], newest.standings))
          }
          shared.keep(only: actual)
          tell(newest, since: before)
        }
      }
    }
  }

  /// Puts other certificates to work, by listener, and nothing else; no connection is touched.
  public func adopt(
    certificates: [String: [ProxyConfiguration.Certificate]]
  ) throws(ProxyError) {
    try building.withLock { (_) throws(ProxyError) in
      var configuration = state.withLock { $0.configuration }
      for index in configuration.listeners.indices {
        guard let own = certificates[configuration.listeners[index].name] else { continue }
        configuration.listeners[index].tls?.certificates = own
      }
      let before = state.withLock { $0 }
      let selectors = try selectors(configuration.listeners, before)
      changing.withLock { _ in
        for (mailbox, parcel) in zip(mailboxes, selectors) { mailbox.post(.adoptSelectors(parcel)) }
        let newest = state.withLock {
          $0.configuration = configuration
          return $0
        }
        tell(newest, since: before)
      }
    }
  }

  /// What changed while something was made for the workers with what was there before.
  private func tell(_ state: State, since before: State) {
    for mailbox in mailboxes {
      if state.ticketKeys != before.ticketKeys { mailbox.post(.useTicketKeys(state.ticketKeys)) }
      if state.challenges != before.challenges { mailbox.post(.answer(state.challenges)) }
    }
  }

  /// In place of the challenges before; true once every worker answers them.
  public func answer(_ challenges: [ACMEChallenge]) -> Bool {
    changing.withLock { _ in
      state.withLock { $0.challenges = challenges }
      for mailbox in mailboxes { mailbox.post(.answer(challenges)) }
    }
    return report().count == mailboxes.count
  }

  /// Renews the ticket keys where that is due; to be called every minute or so.
  public func renewTicketKeys() {
    changing.withLock { _ in
      let now = Clock.milliseconds() / 1000
      let keys = state.withLock { state -> TicketKeys? in
        let span = state.configuration.timeouts.ticketKey.components.seconds
        guard state.ticketKeys.isDue(at: now, span: span) else { return nil }
        state.ticketKeys.advance(at: now, span: span) { TicketKey() }
        return state.ticketKeys
      }
      guard let keys else { return }
      for mailbox in mailboxes { mailbox.post(.useTicketKeys(keys)) }
    }
  }

  /// What is served now.
  public var certificates: [String: [ProxyConfiguration.Certificate]] {
    let listeners = state.withLock { $0.configuration.listeners }
    return Dictionary(
      listeners.compactMap { listener in listener.tls.map { (listener.name, $0.certificates) } }
    ) { first, _ in first }
  }

  public var workerCount: Int { mailboxes.count }

  var listeners: [ProxyConfiguration.Listener] { state.withLock { $0.configuration.listeners } }

  /// How servers are to be treated from now on, over new generations, too; in place of all that was
  /// said before; a server that is not named stays as it is.
  public func stand(_ standings: [ServerID: ServerStanding]) {
    changing.withLock { _ in
      state.withLock { $0.standings = standings }
      for mailbox in mailboxes { mailbox.post(.stand(standings)) }
    }
  }

  /// Refuses a client's new connections and requests, and ends his open ones; until a Unix time in
  /// seconds. Of an IPv6 client, his /64. Kept over new generations.
  public func ban(_ client: IPAddress, until: Int64) {
    state.withLock { $0.bans.add(client, until: until, at: Clock.unixSeconds()) }
    for mailbox in mailboxes { mailbox.post(.ban(client, until: until)) }
  }

  public func unban(_ client: IPAddress) {
    state.withLock { $0.bans.remove(client) }
    for mailbox in mailboxes { mailbox.post(.unban(client)) }
  }

  /// Until when a client is banned by the proxy itself, in Unix time in seconds; nil when he is not.
  public func endOfBan(of client: IPAddress) -> Int64? {
    state.withLock { $0.bans.end(of: client, at: Clock.unixSeconds()) }
  }

  /// What the workers say of themselves, of those that answer within a second.
  public func report() -> [WorkerReport] {
    guard let request = ReportRequest(workers: mailboxes.count) else { return [] }
    for mailbox in mailboxes { mailbox.post(.report(request)) }
    return request.wait(milliseconds: 1000).sorted { $0.worker < $1.worker }
  }

  /// Takes nothing new and lets what runs finish, up to the drain timeout.
  public func drain() {
    for mailbox in mailboxes { mailbox.post(.drain) }
  }

  /// Ends at once.
  public func stop() {
    for mailbox in mailboxes { mailbox.post(.stop) }
  }

  /// Returns when every worker has ended.
  public func waitUntilStopped() {
    let all = threads.withLock { threads in
      let all = threads
      threads = []
      return all
    }
    for thread in all { pthread_join(thread, nil) }
  }

  /// Opens the access log's file again; one that was moved away ends where it is.
  public func reopenLog() { state.withLock { $0.sink }?.queue.reopen() }

  /// Writes what the access log holds, and those before it; once all workers have ended.
  public func endLog() {
    let (retired, current) = state.withLock { ($0.retired, $0.sink) }
    let all = retired + (current.map { [$0.queue] } ?? [])
    // All at once, so that together they take no longer than one.
    for queue in all { queue.finish() }
    let end = Clock.milliseconds() + LogWriter.lastMilliseconds + 1000
    for queue in all {
      queue.waitUntilEnded(milliseconds: Int32(clamping: max(0, end - Clock.milliseconds())))
    }
  }

  /// Nil where none is kept.
  public var logReport: AccessLogReport? {
    guard let sink = state.withLock({ $0.sink }) else { return nil }
    return AccessLogReport(
      format: sink.plan.format.rawValue, target: sink.plan.target.description,
      written: logCounters.written, dropped: logCounters.dropped,
      heldBytes: sink.queue.heldBytes, trouble: logCounters.trouble)
  }

  private static func sink(
    _ plan: ProxyConfiguration.AccessLog?, _ counters: LogCounters, _ log: @escaping EventLog
  ) throws(ProxyError) -> LogSink? {
    guard let plan else { return nil }
    guard let sink = LogSink(plan, counters, log) else {
      throw .system("no thread or descriptor for the access log")
    }
    return sink
  }

  private static var coreCount: Int { max(1, min(64, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))) }

  private static func snapshot(
    _ configuration: ProxyConfiguration, _ standings: [ServerID: ServerStanding],
    _ shared: SharedServers, _ sink: LogSink?
  ) throws(ProxyError) -> Snapshot {
    do {
      return try Snapshot(configuration, standings: standings, sharing: shared, loggingTo: sink)
    } catch { throw .tls(error) }
  }

  private static func selectors(
    _ listeners: [ProxyConfiguration.Listener], _ keys: TicketKeys, _ challenges: [ACMEChallenge]
  ) throws(ProxyError) -> Selectors {
    do { return try Selectors(listeners, keys: keys, answering: challenges) } catch {
      throw .tls(error)
    }
  }

  /// One for each worker.
  private func selectors(
    _ listeners: [ProxyConfiguration.Listener], _ state: State
  ) throws(ProxyError) -> [Parcel<Selectors>] {
    var parcels: [Parcel<Selectors>] = []
    for _ in mailboxes {
      parcels.append(Parcel(try Self.selectors(listeners, state.ticketKeys, state.challenges)))
    }
    return parcels
  }

  /// A socket per worker and address that is not bound yet; where the port is 0, all workers share
  /// the one the first got, and the answer names it.
  private static func bind(
    _ configuration: ProxyConfiguration, workers: Int, except old: [SocketAddress]
  ) throws(ProxyError) -> ([[BoundListener]], ProxyConfiguration) {
    var configuration = configuration
    var sockets = [[BoundListener]](repeating: [], count: workers)
    do {
      for listener in configuration.listeners.indices {
        for position in configuration.listeners[listener].addresses.indices {
          let wanted = configuration.listeners[listener].addresses[position]
          guard !old.contains(wanted) else { continue }
          let first = try Socket.listen(on: wanted, isFirst: true)
          let actual = first.boundAddress(wanted)
          configuration.listeners[listener].addresses[position] = actual
          sockets[0].append(BoundListener(first, address: actual))
          // A path can be bound only once: the first worker serves it alone.
          guard !actual.isUnix else { continue }
          for worker in 1..<max(1, workers) {
            sockets[worker].append(
              BoundListener(try .listen(on: actual, isFirst: false), address: actual))
          }
        }
      }
    } catch { throw .listen(error) }
    return (sockets, configuration)
  }
}

/// As many descriptors as the system lets us have: a connection takes up to two.
private func raiseDescriptorLimit() {
  var limit = rlimit()
  guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
  limit.rlim_cur = limit.rlim_max
  unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
