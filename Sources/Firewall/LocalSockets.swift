import CNftables
import Glibc

/// The TCP sockets of the calling thread's network namespace.
public enum LocalSockets {
  /// The other end of a connection, and the port of this machine that it uses.
  public struct Peer: Sendable, Hashable {
    public var address: Address
    public var port: UInt16
    /// 0 where that does not matter.
    public var remotePort: UInt16 = 0

    public init(address: Address, port: UInt16) {
      self.address = address
      self.port = port
    }
  }

  /// Who has an established TCP connection with one of these local ports; needs no capability.
  public static func peers(
    ports: [FirewallPolicy.Port]
  ) throws(FirewallKernelError) -> [Peer] {
    try connections(ports: ports).map { Peer(address: $0.address, port: $0.port) }
  }

  /// Every established TCP connection with one of these local ports.
  public static func connections(
    ports: [FirewallPolicy.Port]
  ) throws(FirewallKernelError) -> [Peer] {
    var peers: [Peer] = []
    try visitAll(states: [TCP_ESTABLISHED]) { socket in
      let isMeant = ports.contains {
        $0.transport == .tcp && $0.first <= socket.localPort && socket.localPort <= $0.last
      }
      if isMeant { peers.append(socket.peer) }
    }
    return peers
  }

  /// Every TCP connection with somebody else over which something may still come, as whoever began it sees it.
  public static func begun() throws(FirewallKernelError) -> [TrackedConnection] {
    let listening = try listeners()
    var found: [TrackedConnection] = []
    let states = [TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_CLOSE_WAIT]
    try visitAll(states: states) { socket in
      guard !socket.isWithinMachine else { return }
      let here = (socket.local, socket.localPort)
      let there = (socket.remote, socket.remotePort)
      let (from, to) =
        listening.contains(socket.local, socket.localPort) ? (there, here) : (here, there)
      found.append(
        TrackedConnection(
          source: from.0, destination: to.0, protocolNumber: 6, sourcePort: from.1,
          destinationPort: to.1))
    }
    return found
  }

  /// Where somebody listens for TCP: a connection with such a port is one that came in.
  public struct Listeners: Sendable {
    private var everywhere: Set<UInt16> = []
    private var at: Set<Peer> = []

    /// On this address of the machine.
    public func contains(_ address: Address, _ port: UInt16) -> Bool {
      everywhere.contains(port) || at.contains(Peer(address: address, port: port))
    }

    fileprivate mutating func add(_ socket: LocalSocket) {
      switch socket.local {
      case .ipv4(0), .ipv6(0): everywhere.insert(socket.localPort)
      case .ipv4, .ipv6: at.insert(Peer(address: socket.local, port: socket.localPort))
      }
    }
  }

  public static func listeners() throws(FirewallKernelError) -> Listeners {
    var listeners = Listeners()
    try visitAll(states: [TCP_LISTEN]) { listeners.add($0) }
    return listeners
  }

  /// Local ports that are open to everybody, not only to one whom their owner asks.
  public static func boundUDPPorts() throws(FirewallKernelError) -> Set<UInt16> {
    var ports: Set<UInt16> = []
    // The state of UDP sockets that are not connected.
    try visitAll(states: [TCP_CLOSE], of: IPPROTO_UDP) { ports.insert($0.localPort) }
    return ports
  }

  /// Ends every connection whose other end and local port are unwanted (`hasCome`: it came in), on both sides and at once,
  /// but for those within this machine; how many. Needs CAP_NET_ADMIN and INET_DIAG_DESTROY.
  @discardableResult
  public static func close(
    where isUnwanted: (_ peer: Peer, _ hasCome: Bool) -> Bool
  ) throws(FirewallKernelError) -> Int {
    let closer = try NetlinkSocket(NETLINK_SOCK_DIAG)
    let listening = try listeners()
    var count = 0
    var refusal: FirewallKernelError?
    for _ in 0..<passLimit {
      var requests: [[UInt8]] = []
      try visitAll(states: connectedStates) { socket in
        let hasCome = listening.contains(socket.local, socket.localPort)
        guard !socket.isWithinMachine, isUnwanted(socket.peer, hasCome) else { return }
        requests.append(socket.destruction)
      }
      guard !requests.isEmpty else { break }
      for request in requests {
        do throws(FirewallKernelError) {
          if try closer.remove(request, attempted: "close a connection") { count += 1 }
        } catch {
          // Older kernels cannot end what only waits for the other end's FIN; the rest they can.
          guard case .socket(_, EOPNOTSUPP) = error else { throw error }
          refusal = error
        }
      }
    }
    if count == 0, let refusal { throw refusal }
    return count
  }

  /// The kernel goes on with a list by numbers, so sockets that end meanwhile make it leave out
  /// others: nothing is closed while it is read, and it is read until nobody is left.
  private static let passLimit = 4

  /// Neither those that listen nor those that are over.
  private static let connectedStates = [
    TCP_ESTABLISHED, TCP_SYN_SENT, TCP_SYN_RECV, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_CLOSE_WAIT,
    TCP_LAST_ACK, TCP_CLOSING,
  ]

  private static func visitAll(
    states: [Int], of transport: Int = IPPROTO_TCP, _ visit: (LocalSocket) -> Void
  ) throws(FirewallKernelError) {
    let socket = try NetlinkSocket(NETLINK_SOCK_DIAG)
    for family in [AF_INET, AF_INET6] {
      let request = LocalSocket.request(
        UInt16(SOCK_DIAG_BY_FAMILY), NLM_F_DUMP, family: UInt8(family), states: states,
        of: UInt8(transport))
      try socket.visitAll(request, attempted: "list the sockets (tcp_diag, udp_diag)") { message in
        if let socket = LocalSocket(reading: message.payload) { visit(socket) }
      }
    }
  }
}

/// One TCP socket, as the kernel's `inet_diag_msg` has it.
struct LocalSocket {
  var local: Address
  var localPort: UInt16
  var remote: Address
  var remotePort: UInt16
  private var family: UInt8
  /// Ports, addresses, interface and a cookie that no other socket ever has.
  private var identity: ArraySlice<UInt8>

  private static let identityByteCount = 48
  private static let byteCount = 72

  init?(reading bytes: ArraySlice<UInt8>) {
    guard bytes.count >= Self.byteCount, let family = bytes.first else { return nil }
    self.family = family
    identity = bytes.dropFirst(4).prefix(Self.identityByteCount)
    localPort = UInt16(truncatingIfNeeded: identity.prefix(2).networkInteger)
    remotePort = UInt16(truncatingIfNeeded: identity.dropFirst(2).prefix(2).networkInteger)
    let width = family == UInt8(AF_INET) ? 4 : 16
    guard let local = Address(identity.dropFirst(4).prefix(width)),
      let remote = Address(identity.dropFirst(20).prefix(width))
    else { return nil }
    self.local = local.unmapped
    self.remote = remote.unmapped
  }

  var peer: LocalSockets.Peer {
    var peer = LocalSockets.Peer(address: remote, port: localPort)
    peer.remotePort = remotePort
    return peer
  }

  var isWithinMachine: Bool { local.isLoopback || remote.isLoopback || local == remote }

  /// The request that ends this very socket.
  var destruction: [UInt8] {
    Self.request(
      UInt16(SOCK_DESTROY), NLM_F_ACK, family: family, states: [], identity: identity)
  }

  /// An `inet_diag_req_v2` with its header.
  static func request(
    _ type: UInt16, _ flags: Int32, family: UInt8, states: [Int],
    of transport: UInt8 = UInt8(IPPROTO_TCP),
    identity: ArraySlice<UInt8> = [UInt8](repeating: 0, count: identityByteCount)[...]
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    let start = bytes.openMessage(type: type, flags: NLM_F_REQUEST | flags, sequence: 1)
    bytes += [family, transport, 0, 0]
    bytes.append(states.reduce(UInt32(0)) { $0 | 1 << UInt32($1) }, byteCount: 4, order: .host)
    bytes += identity
    bytes.closeMessage(start)
    return bytes
  }
}

extension Address {
  /// The IPv4 address in an IPv6 one: so a socket for both families shows it.
  public var unmapped: Address {
    guard case .ipv6(let bits) = self, bits >> 32 == 0xffff else { return self }
    return .ipv4(UInt32(truncatingIfNeeded: bits))
  }

  public var isLoopback: Bool {
    switch self {
    case .ipv4(let bits): bits >> 24 == 127
    case .ipv6(let bits): bits == 1
    }
  }
}
