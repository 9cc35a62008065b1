internal import Firewall

/// Closes connections with this machine: the kernel forgets them, and local sockets end.
struct ConnectionClosing {
  typealias Condition = (TrackedConnection) -> Bool

  let own: Set<Address>
  /// What this machine began itself is left alone.
  var onlyIncoming = true
  /// Rules see packets before others rewrite them; else after.
  var isBeforeRewrite = false
  /// By what the rules see of a connection's first packet.
  var isMeant: Condition = { _ in false }
  /// The stronger one: a service let it in before.
  var wasLetIn: Condition = { _ in false }
  /// Whether a service, or management, has or had this port.
  var isServed: Condition = { _ in false }
  /// The same, and names it alone, not as one of many.
  var isNamed: Condition = { _ in false }
  private var closed = Connections.Closed()
  private let ephemeral = Self.ephemeralPorts
  /// Where somebody listens; nil where that can't be told.
  private var listening: LocalSockets.Listeners?
  /// By a redirected connection's socket, to which port it was asked for.
  private var asked: [LocalSockets.Peer: UInt16] = [:]

  init(own: Set<Address>) { self.own = own }

  mutating func run() -> Connections.Closed {
    if isBeforeRewrite { attempt("redirected connections") { try $0.noteRedirected() } }
    // Sockets first: a packet that they send again would bring the tracked connection back, turned
    // around.
    attempt("open TCP connections of this machine") { closing in
      closing.listening = try LocalSockets.listeners()
      return try LocalSockets.close { closing.isUnwanted($0, hasCome: $1) }
    }
    // Where that can't be told all of them may be services.
    let bound = try? LocalSockets.boundUDPPorts()
    attempt("open connections") { closing in
      try Conntrack.delete { connection in
        if let seen = closing.incoming(connection) { return closing.isUnwanted(connection, seen) }
        closing.remember(connection, bound)
        return false
      }
    }
    do { try KernelRevocations.add(closed.sources, closed.ports) } catch {
      closed.faults.append("services that go on sending may keep connections open: \(error)")
    }
    return closed
  }

  private mutating func noteRedirected() throws -> Int {
    // One after another: there may be a million.
    try Conntrack.openConnections { connection in
      guard let answerer = connection.answerer, own.contains(answerer.address) else { return false }
      var peer = LocalSockets.Peer(address: connection.source, port: answerer.port)
      peer.remotePort = connection.sourcePort
      asked[peer] = connection.destinationPort
      return false
    }
  }

  private mutating func isUnwanted(_ peer: LocalSockets.Peer, hasCome: Bool) -> Bool {
    let connection = TrackedConnection(
      source: peer.address, destination: peer.address, protocolNumber: 6,
      sourcePort: peer.remotePort, destinationPort: asked[peer] ?? peer.port)
    guard hasCome || !onlyIncoming, !own.contains(peer.address), isMeant(connection) else {
      return false
    }
    note(connection, port: hasCome ? connection.destinationPort : 0)
    return true
  }

  /// As the rules see its first packet; nil where that goes or comes from elsewhere.
  private func incoming(_ connection: TrackedConnection) -> TrackedConnection? {
    let isToUs =
      own.contains(connection.destination)
      || connection.answerer.map { own.contains($0.address) } ?? false
    guard isToUs, !own.contains(connection.source) else { return nil }
    guard let answerer = connection.answerer, !isBeforeRewrite else { return connection }
    var seen = connection
    seen.destinationPort = answerer.port
    // At the input hook it goes elsewhere by then, and is no business of ours; a ban still is.
    return own.contains(answerer.address) || !onlyIncoming ? seen : nil
  }

  private mutating func isUnwanted(
    _ connection: TrackedConnection, _ seen: TrackedConnection
  ) -> Bool {
    // Tracking began in the midst of one that this machine had begun itself; or it belongs to another one.
    let isOwn =
      connection.isExpected
      || connection.protocolNumber == 6 && !connection.isRedirected
        && listening?.contains(connection.destination, connection.destinationPort) == false
        && !isServed(seen)
    guard isOwn && onlyIncoming ? wasLetIn(seen) : isMeant(seen) else { return false }
    // To whom nobody ever answered nobody goes on sending; and whoever forges packets is not to fill the sets.
    guard connection.hasAnswer else { return true }
    // Only where a service was does what comes next get past the rules; and others may be answers.
    note(seen, port: isServed(seen) ? seen.destinationPort : 0)
    // Whoever goes on sending from the other port is answered there.
    if let answerer = connection.answerer, isServed(seen) { note(seen, port: answerer.port) }
    return true
  }

  /// Where a service sends first, such as one that keeps its peers awake, whoever it sends to answers, as the
  /// kernel sees it, though the service let him in. What only asks, from a port of the moment, is left alone.
  private mutating func remember(_ connection: TrackedConnection, _ bound: Set<UInt16>?) {
    guard onlyIncoming, let turned = connection.turned, own.contains(turned.destination),
      !own.contains(turned.source), turned.protocolNumber == 17,
      turned.isRedirected ? isBeforeRewrite : bound?.contains(turned.destinationPort) ?? true,
      !ephemeral.contains(turned.destinationPort) || isNamed(turned), wasLetIn(turned)
    else { return }
    note(turned, port: turned.destinationPort)
    closed.spokenTo.insert(turned.source)
  }

  /// `port`: to which it sent; 0 for one that says nothing.
  private mutating func note(_ connection: TrackedConnection, port: UInt16) {
    closed.sources.insert(connection.source)
    guard port > 0, let transport = connection.transport else { return }
    closed.ports.insert(.init(transport, port))
  }

  private mutating func attempt(
    _ what: String, _ body: (inout ConnectionClosing) throws -> Int
  ) {
    do { closed.count = max(closed.count, try body(&self)) } catch {
      closed.faults.append("\(what) may go on: \(error)")
    }
  }

  /// Those that the kernel gives to whoever names none (ip-sysctl, `ip_local_port_range`).
  private static var ephemeralPorts: ClosedRange<UInt16> {
    let text = (try? Disk.read("/proc/sys/net/ipv4/ip_local_port_range")) ?? []
    let bounds = text.split { $0 == 9 || $0 == 10 }.compactMap {
      UInt16(String(decoding: $0, as: UTF8.self))
    }
    return bounds.count == 2 && bounds[0] <= bounds[1] ? bounds[0]...bounds[1] : 32_768...60_999
  }
}

extension PolicyApplication {
  /// Closes what the policy denies: whoever let it in, or nobody at all, while there were no rules.
  func close(
    _ new: CompiledPolicy, after old: UInt64, _ before: @escaping () -> CompiledPolicy?,
    _ outcome: inout Outcome
  ) {
    guard new.policy.existingConnections == .close, new.policy.mode == .enforce else { return }
    let ports =
      store.servedPorts(of: old) + new.policy.services.flatMap(\.listen)
      + (new.policy.management?.to ?? [])
    // Their lists are read only where it matters. On trial everybody was let in, asked or not.
    lazy var letIn =
      before().map { $0.verdict.policy.isOnTrial ? [] : [$0.lettingIn, $0.timeless.lettingIn] }
      ?? []
    let letsIn = new.lettingIn
    var closing = ConnectionClosing(own: Connections.ownAddresses())
    closing.isBeforeRewrite = new.policy.protect == .hostAndPublished
    closing.isMeant = { !letsIn($0) }
    func isOne(_ connection: TrackedConnection, of ports: [FirewallPolicy.Port]) -> Bool {
      guard let transport = connection.transport else { return false }
      return ports.contains { $0.covers(transport, connection.destinationPort) }
    }
    closing.isServed = { isOne($0, of: ports) }
    let alone = ports.filter { $0.first == $0.last }
    closing.isNamed = { isOne($0, of: alone) }
    closing.wasLetIn = { connection in
      isOne(connection, of: ports) && !letsIn(connection) && letIn.contains { $0(connection) }
    }
    let closed = closing.run()
    outcome.closedConnections = closed.count
    outcome.notes += closed.faults
    if !closed.spokenTo.isEmpty { outcome.notes.append(Self.silenced(closed.spokenTo)) }
  }

  /// Who asks others from a service's own port is meant to notice.
  private static func silenced(_ sources: Set<Address>) -> String {
    let few = sources.map { "\($0)" }.sorted().prefix(5).joined(separator: ", ")
    let more = sources.count > 5 ? ", ..." : ""
    return """
      \(sources.count) source(s) that services of this machine send to are not heard by them any more: \(few)\(more)
        if this machine asks them, as ntpd does from port 123, allow them, too
      """
  }
}

extension CompiledPolicy {
  /// Whether the policy lets a connection's first packet in, but for the hours of services: what is open when they
  /// end stays. Only what services listen for ever begins one; each packet of ICMP is judged anew.
  fileprivate var lettingIn: ConnectionClosing.Condition {
    var hourless: PolicyVerdict?
    return { connection in
      guard let transport = connection.transport else {
        return [1, 58].contains(connection.protocolNumber)
      }
      func judge(_ verdict: PolicyVerdict) -> PolicyOutcome {
        verdict.verdict(
          connection.source, to: transport, port: connection.destinationPort, at: time)
      }
      let outcome = judge(verdict)
      guard case .deniedBySchedule = outcome else { return outcome.isAllowed }
      let always = hourless ?? PolicyVerdict(verdict.policy.hourless)
      hourless = always
      return judge(always).isAllowed
    }
  }
}

extension ResolvedPolicy {
  fileprivate var hourless: ResolvedPolicy {
    var policy = self
    for index in policy.services.indices { policy.services[index].schedule = nil }
    return policy
  }
}
