public import Firewall
internal import Foundation

/// Open connections of those who may no longer connect.
enum Connections {
  /// What was closed.
  struct Closed {
    var count = 0
    var sources: Set<Address> = []
    /// Of those, to whom this machine sends from a service's port without having heard from them first, as
    /// far as the kernel knows.
    var spokenTo: Set<Address> = []
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
    var closing = ConnectionClosing(own: ownAddresses())
    // A ban drops answers, too: what this machine began would only hang.
    closing.onlyIncoming = false
    closing.isMeant = { connection in sets.contains { $0.contains(connection.source, at: 0) } }
    return closing.run()
  }

  /// Has the kernel know the TCP connections that are open before it judges any: they begin nothing, and no
  /// answer is taken for a question.
  static func adopt() throws {
    try Conntrack.adopt(LocalSockets.begun())
  }

  /// The addresses of this machine's interfaces.
  static func ownAddresses() -> Set<Address> {
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
