import CNftables
import Glibc

/// A connection that the kernel tracks, as its first packet asked for it: before any rewriting.
public struct TrackedConnection: Sendable, Hashable {
  public var source: Address
  public var destination: Address
  /// Of IP: 6 is TCP, 17 is UDP.
  public var protocolNumber: UInt8
  /// 0 where the protocol has no ports.
  public var sourcePort: UInt16
  /// 0 where the protocol has no ports.
  public var destinationPort: UInt16
  /// Another than the destination answers: a rule rewrote the address or the port (DNAT).
  public var isRedirected: Bool
  /// Who answers then; nil where nobody rewrote it.
  public var answerer: End?
  /// Where answers go to, where a rule rewrote the source (SNAT).
  public var masked: End?
  /// Whether the other side ever sent something.
  public var hasAnswer = true
  /// A helper of the kernel awaited it, as with the data of FTP.
  public var isExpected = false

  /// One end after a rule rewrote it.
  public struct End: Sendable, Hashable {
    public var address: Address
    /// 0 where the protocol has no ports.
    public var port: UInt16
  }

  /// As if the other side had begun it.
  public var turned: TrackedConnection? {
    guard !isRedirected else { return nil }
    var turned = TrackedConnection(
      source: destination, destination: masked?.address ?? source, protocolNumber: protocolNumber,
      sourcePort: destinationPort, destinationPort: masked?.port ?? sourcePort,
      isRedirected: masked != nil)
    if masked != nil { turned.answerer = End(address: source, port: sourcePort) }
    return turned
  }

  public init(
    source: Address, destination: Address, protocolNumber: UInt8, sourcePort: UInt16 = 0,
    destinationPort: UInt16 = 0, isRedirected: Bool = false
  ) {
    self.source = source
    self.destination = destination
    self.protocolNumber = protocolNumber
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
    self.isRedirected = isRedirected
  }
}

/// The connections tracked in the calling thread's network namespace. Needs CAP_NET_ADMIN.
public enum Conntrack {
  /// Those that come or go while the list is read may be missing, or in it twice.
  public static func connections() throws(FirewallKernelError) -> [TrackedConnection] {
    var connections: [TrackedConnection] = []
    try visitAll { _, connection in connections.append(connection) }
    return connections
  }

  /// How many of those that fulfil a condition are open, counted as the kernel's own limits do: TCP that
  /// has closed is not.
  public static func openConnections(
    where isMeant: (TrackedConnection) -> Bool
  ) throws(FirewallKernelError) -> Int {
    var count = 0
    try visitAll { attributes, connection in
      let isClosed = connection.protocolNumber == 6 && hasClosed(attributes)
      if !isClosed, isMeant(connection) { count += 1 }
    }
    return count
  }

  private static func hasClosed(_ attributes: NetlinkAttributes) -> Bool {
    let state = attributes.nested(CTA_PROTOINFO.rawValue)?.nested(CTA_PROTOINFO_TCP.rawValue)?
      .integer(CTA_PROTOINFO_TCP_STATE.rawValue)
    // TCP_CONNTRACK_TIME_WAIT and TCP_CONNTRACK_CLOSE, whose header Glibc's types do not bear.
    return state == 7 || state == 8
  }

  /// Forgets connections, so that the rules judge their next packet as a first one; how many.
  /// An answer that this machine itself still sends brings a connection back: close its socket
  /// before (`LocalSockets`).
  @discardableResult
  public static func delete(
    where isUnwanted: (TrackedConnection) -> Bool
  ) throws(FirewallKernelError) -> Int {
    let eraser = try NetlinkSocket()
    var count = 0
    // The kernel goes on with a list at an entry, not at a number: deleting loses no place.
    try visitAll { (attributes, connection) throws(FirewallKernelError) in
      guard isUnwanted(connection), let request = deletion(of: attributes, connection)
      else { return }
      if try eraser.remove(request, attempted: "delete a tracked connection") { count += 1 }
    }
    return count
  }

  private static func visitAll(
    _ visit: (NetlinkAttributes, TrackedConnection) throws(FirewallKernelError) -> Void
  ) throws(FirewallKernelError) {
    let socket = try NetlinkSocket()
    try socket.visitAll(
      message(IPCTNL_MSG_CT_GET, NLM_F_DUMP, family: AF_UNSPEC),
      attempted: "list the tracked connections (nf_conntrack_netlink)"
    ) { (message) throws(FirewallKernelError) in
      let attributes = message.attributes
      guard let connection = TrackedConnection(reading: attributes) else { return }
      try visit(attributes, connection)
    }
  }

  /// By the kernel's own words for it, whatever its protocol; the ID spares a successor that has
  /// the same ports.
  static func deletion(
    of attributes: NetlinkAttributes, _ connection: TrackedConnection
  ) -> [UInt8]? {
    // A request without a tuple would delete everything.
    guard let tuple = attributes.first(CTA_TUPLE_ORIG.rawValue), !tuple.isEmpty,
      let id = attributes.first(CTA_ID.rawValue), id.count == 4
    else { return nil }
    let family = if case .ipv4 = connection.source { AF_INET } else { AF_INET6 }
    return message(IPCTNL_MSG_CT_DELETE, NLM_F_ACK, family: family) {
      $0.appendAttribute(CTA_TUPLE_ORIG.rawValue | UInt32(NLA_F_NESTED), tuple)
      if let zone = attributes.first(CTA_ZONE.rawValue) {
        $0.appendAttribute(CTA_ZONE.rawValue, zone)
      }
      $0.appendAttribute(CTA_ID.rawValue, id)
    }
  }

  static func message(
    _ type: cntl_msg_types, _ flags: Int32, family: Int32,
    _ attributes: (inout [UInt8]) -> Void = { _ in }
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    let start = bytes.openMessage(
      type: UInt16(NFNL_SUBSYS_CTNETLINK) << 8 | UInt16(type.rawValue),
      flags: NLM_F_REQUEST | flags, sequence: 1, family: UInt8(family))
    attributes(&bytes)
    bytes.closeMessage(start)
    return bytes
  }
}

extension TrackedConnection {
  /// One pass over the attributes: there are hundreds of thousands of connections.
  init?(reading attributes: NetlinkAttributes) {
    var tuple: ArraySlice<UInt8>?
    var reply: ArraySlice<UInt8> = []
    var status: UInt128 = 0
    for attribute in attributes {
      switch UInt32(attribute.type) {
      // The first one, as `deletion` takes it.
      case CTA_TUPLE_ORIG.rawValue: tuple = tuple ?? attribute.body
      case CTA_TUPLE_REPLY.rawValue: reply = attribute.body
      case CTA_STATUS.rawValue: status = attribute.body.networkInteger
      default: break
      }
    }
    guard let first = Tuple(reading: tuple ?? []) else { return nil }
    (source, destination) = (first.source, first.destination)
    protocolNumber = first.transport.number
    sourcePort = first.transport.sourcePort
    destinationPort = first.transport.destinationPort
    isRedirected = status & UInt128(IPS_DST_NAT.rawValue) != 0
    hasAnswer = status & UInt128(IPS_SEEN_REPLY.rawValue) != 0
    isExpected = status & UInt128(IPS_EXPECTED.rawValue) != 0
    let isMasked = status & UInt128(IPS_SRC_NAT.rawValue) != 0
    // Few are rewritten, and only of those the other direction tells more.
    guard isRedirected || isMasked, let answer = Tuple(reading: reply) else { return }
    if isRedirected { answerer = End(address: answer.source, port: answer.transport.sourcePort) }
    if isMasked {
      masked = End(address: answer.destination, port: answer.transport.destinationPort)
    }
  }

  /// The two ends of one direction.
  private struct Tuple {
    var source, destination: Address
    var transport: Transport

    init?(reading bytes: ArraySlice<UInt8>) {
      var ends: (source: Address, destination: Address)?
      var transport: Transport?
      for part in NetlinkAttributes(bytes: bytes) {
        switch UInt32(part.type) {
        case CTA_TUPLE_IP.rawValue:
          ends = TrackedConnection.ends(NetlinkAttributes(bytes: part.body))
        case CTA_TUPLE_PROTO.rawValue:
          transport = Transport(reading: NetlinkAttributes(bytes: part.body))
        default: break
        }
      }
      guard let ends, let transport else { return nil }
      (source, destination) = ends
      self.transport = transport
    }
  }

  private struct Transport {
    var number: UInt8
    var sourcePort: UInt16 = 0
    var destinationPort: UInt16 = 0

    init?(reading attributes: NetlinkAttributes) {
      var number: UInt8?
      for attribute in attributes {
        let value = UInt16(truncatingIfNeeded: attribute.body.networkInteger)
        switch UInt32(attribute.type) {
        case CTA_PROTO_NUM.rawValue: number = UInt8(exactly: value)
        case CTA_PROTO_SRC_PORT.rawValue: sourcePort = value
        case CTA_PROTO_DST_PORT.rawValue: destinationPort = value
        default: break
        }
      }
      guard let number else { return nil }
      self.number = number
    }
  }

  private static func ends(
    _ attributes: NetlinkAttributes
  ) -> (source: Address, destination: Address)? {
    var source: Address?
    var destination: Address?
    for attribute in attributes {
      switch UInt32(attribute.type) {
      case CTA_IP_V4_SRC.rawValue, CTA_IP_V6_SRC.rawValue: source = Address(attribute.body)
      case CTA_IP_V4_DST.rawValue, CTA_IP_V6_DST.rawValue: destination = Address(attribute.body)
      default: break
      }
    }
    guard let source, let destination else { return nil }
    return (source, destination)
  }
}

extension Address {
  /// As it stands in a packet; its length says which it is.
  init?(_ bytes: ArraySlice<UInt8>) {
    let bits = bytes.networkInteger
    switch bytes.count {
    case 4: self = .ipv4(UInt32(truncatingIfNeeded: bits))
    case 16: self = .ipv6(bits)
    default: return nil
    }
  }
}
