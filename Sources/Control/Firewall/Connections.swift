public import Firewall
internal import Foundation

/// Open connections of those who may no longer connect.
enum Connections {
  /// What was closed.
  struct Closed {
    var count = 0
    var sources: Set<Address> = []
    /// To which they had come, as a packet from there has them; none from which this machine began.
    var ports: Set<FirewallPolicy.Port> = []
    /// Why some may still be open.
    var faults: [String] = []
  }

  /// Those of others to this machine that have not ended.
  static func incoming() throws -> [TrackedConnection] {
    let own = ownAddresses()
    var found: [TrackedConnection] = []
    _ = try Conntrack.openConnections { connection in
      let isIncoming = own.contains(connection.destination) && !own.contains(connection.source)
      if isIncoming { found.append(connection) }
      return isIncoming
    }
    return found
  }

  /// Closes all from these networks: the kernel forgets them, and local sockets end.
  static func close(from networks: [Network]) -> Closed {
    let sets = networks.map { AddressSet($0) }
    // A ban drops answers, too: what this machine began would only hang.
    return close(onlyIncoming: false) { connection in
      sets.contains { $0.contains(connection.source, at: 0) }
    }
  }

  /// Connections of others to this machine that fulfil a condition; those that it began itself are left
  /// alone where `onlyIncoming`.
  static func close(
    onlyIncoming: Bool = true, where isMeant: (TrackedConnection) -> Bool
  ) -> Closed {
    let own = ownAddresses()
    var closed = Closed()
    func isUnwanted(_ connection: TrackedConnection, hasCome: Bool = true) -> Bool {
      guard hasCome || !onlyIncoming, !own.contains(connection.source), isMeant(connection)
      else { return false }
      closed.sources.insert(connection.source)
      if hasCome, let transport = connection.transport, connection.destinationPort > 0 {
        closed.ports.insert(.init(transport, connection.destinationPort))
      }
      return true
    }
    func attempt(_ what: String, _ body: () throws -> Int) {
      do { closed.count = max(closed.count, try body()) } catch {
        closed.faults.append("\(what) may go on: \(error)")
      }
    }
    // Sockets first: a packet that they send again would bring the tracked connection back, turned
    // around.
    attempt("open TCP connections of this machine") {
      let listening = try LocalSockets.listeningPorts()
      return try LocalSockets.close { remote, port in
        isUnwanted(
          TrackedConnection(
            source: remote, destination: remote, protocolNumber: 6, sourcePort: 0,
            destinationPort: port), hasCome: listening.contains(port))
      }
    }
    attempt("open connections") {
      try Conntrack.delete { own.contains($0.destination) && isUnwanted($0) }
    }
    do { try KernelRevocations.add(closed.sources, closed.ports) } catch {
      closed.faults.append("services that go on sending may keep connections open: \(error)")
    }
    return closed
  }

  /// The addresses of this machine's interfaces.
  private static func ownAddresses() -> Set<Address> {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard unsafe getifaddrs(&list) == 0 else { return [] }
    defer { unsafe freeifaddrs(list) }
    var addresses: Set<Address> = []
    var next = unsafe list
    while let entry = unsafe next {
      if let address = unsafe entry.pointee.ifa_addr, let found = unsafe Address(address) {
        addresses.insert(found)
      }
      unsafe next = entry.pointee.ifa_next
    }
    return addresses
  }
}

extension Address {
  @unsafe fileprivate init?(_ address: UnsafePointer<sockaddr>) {
    switch Int32(unsafe address.pointee.sa_family) {
    case AF_INET:
      let bits = unsafe UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self).sin_addr
        .s_addr
      self = .ipv4(UInt32(bigEndian: bits))
    case AF_INET6:
      let bits = unsafe UnsafeRawPointer(address).loadUnaligned(
        fromByteOffset: 8, as: UInt128.self)
      self = .ipv6(UInt128(bigEndian: bits))
    default: return nil
    }
  }
}

extension PolicyApplication {
  /// Closes what the new policy denies and the one before, if there was one, let in at some time.
  func close(
    _ new: CompiledPolicy, _ before: () -> CompiledPolicy?, _ outcome: inout Outcome
  ) {
    lazy var old = before()
    lazy var timeless = old?.timeless
    guard new.policy.existingConnections == .close, new.policy.mode == .enforce else { return }
    let closed = Connections.close { connection in
      guard let transport = connection.transport else { return false }
      // At the input hook its port is another one by then, and no business of ours.
      guard !connection.isRedirected || new.policy.protect == .hostAndPublished else {
        return false
      }
      func isAllowed(_ policy: CompiledPolicy) -> Bool {
        policy.verdict.verdict(
          connection.source, to: transport, port: connection.destinationPort, at: policy.time
        ).isAllowed
      }
      guard !isAllowed(new) else { return false }
      // A policy on trial let in all; an end in its deny may have let it in since.
      return old?.verdict.policy.isOnTrial ?? true || (timeless.map(isAllowed) ?? true)
        || (old.map(isAllowed) ?? true)
    }
    outcome.closedConnections = closed.count
    outcome.notes += closed.faults
  }
}

extension TrackedConnection {
  /// Nil for what services do not listen for.
  public var transport: FirewallPolicy.Port.Transport? {
    switch protocolNumber {
    case 6: .tcp
    case 17: .udp
    default: nil
    }
  }
}
