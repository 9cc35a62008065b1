public import Firewall
internal import Foundation

/// Open connections of those who may no longer connect.
enum Connections {
  /// Closes all from these networks: the kernel forgets them, and local sockets end. How many.
  static func close(from networks: [Network]) -> Int {
    let sets = networks.map { AddressSet($0) }
    return close { connection in sets.contains { $0.contains(connection.source, at: 0) } }
  }

  /// Connections of others to this machine that fulfil a condition.
  static func close(where isMeant: (TrackedConnection) -> Bool) -> Int {
    let own = ownAddresses()
    func isTheirs(_ connection: TrackedConnection) -> Bool {
      !own.contains(connection.source) && own.contains(connection.destination)
        && isMeant(connection)
    }
    // Sockets first: a packet that they send again would bring the tracked connection back, turned
    // around. Without tracking there is nothing to forget, and the rules hold all the same.
    let sockets = try? LocalSockets.close { remote, port in
      guard !own.contains(remote) else { return false }
      return isMeant(
        TrackedConnection(
          source: remote, destination: remote, protocolNumber: 6, sourcePort: 0,
          destinationPort: port))
    }
    let tracked = (try? Conntrack.delete(where: isTheirs)) ?? 0
    return max(tracked, sockets ?? 0)
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
  /// Closes what the new policy denies and the one before, if there was one, let in.
  func close(
    _ new: CompiledPolicy, _ before: () -> CompiledPolicy?, _ outcome: inout Outcome
  ) {
    lazy var old = before()
    guard new.policy.existingConnections == .close, new.policy.mode == .enforce else { return }
    outcome.closedConnections = Connections.close { connection in
      guard let transport = connection.transport else { return false }
      // At the input hook its port is another one by then, and no business of ours.
      guard !connection.isRedirected || new.policy.protect == .hostAndPublished else {
        return false
      }
      func isAllowed(_ policy: CompiledPolicy) -> Bool {
        policy.verdict.verdict(
          connection.source, to: transport, port: connection.destinationPort, at: new.time
        ).isAllowed
      }
      return !isAllowed(new) && (old.map(isAllowed) ?? true)
    }
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
