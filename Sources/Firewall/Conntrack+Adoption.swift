import CNftables
import Glibc

extension Conntrack {
  /// Has the kernel track established TCP connections that it has not seen begin, so that from the first rule
  /// on they are what they are: the next packet of either side belongs to them. Those that it tracks already
  /// stay as they are. Needs CAP_NET_ADMIN. How many came to it.
  @discardableResult
  public static func adopt(
    _ connections: [TrackedConnection]
  ) throws(FirewallKernelError) -> Int {
    guard !connections.isEmpty else { return 0 }
    let socket = try NetlinkSocket()
    var count = 0
    for connection in connections {
      let request = adoption(of: connection)
      if try socket.create(request, attempted: "track a connection that is open already") {
        count += 1
      }
    }
    return count
  }

  static func adoption(of connection: TrackedConnection) -> [UInt8] {
    let family = if case .ipv4 = connection.source { AF_INET } else { AF_INET6 }
    return message(IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, family: family) {
      $0.appendTuple(
        CTA_TUPLE_ORIG, connection.source, connection.sourcePort, connection.destination,
        connection.destinationPort)
      $0.appendTuple(
        CTA_TUPLE_REPLY, connection.destination, connection.destinationPort, connection.source,
        connection.sourcePort)
      // Both sides have sent; so it does not end before its time where the table is full.
      let status = IPS_CONFIRMED.rawValue | IPS_SEEN_REPLY.rawValue | IPS_ASSURED.rawValue
      $0.appendAttribute(CTA_STATUS.rawValue, number: UInt32(status))
      $0.appendAttribute(CTA_TIMEOUT.rawValue, number: establishedSeconds)
      $0.appendNested(CTA_PROTOINFO.rawValue) {
        $0.appendNested(CTA_PROTOINFO_TCP.rawValue) {
          $0.appendAttribute(CTA_PROTOINFO_TCP_STATE.rawValue, [established])
          // Nobody saw its windows: no sequence number is out of them.
          let liberal: [UInt8] = [0x08, 0x08]
          $0.appendAttribute(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL.rawValue, liberal)
          $0.appendAttribute(CTA_PROTOINFO_TCP_FLAGS_REPLY.rawValue, liberal)
        }
      }
    }
  }

  /// TCP_CONNTRACK_ESTABLISHED of <linux/netfilter/nf_conntrack_tcp.h>.
  private static let established: UInt8 = 3
  /// The kernel's own for them (nf_conntrack-sysctl, `nf_conntrack_tcp_timeout_established`).
  private static let establishedSeconds: UInt32 = 432_000
}

extension NetlinkSocket {
  /// False where it is there already.
  fileprivate func create(
    _ request: [UInt8], attempted: String
  ) throws(FirewallKernelError) -> Bool {
    switch try visitAnswers(to: request, { _ in }) {
    case .whole, .changedMeanwhile: return true
    case .refused(errno: EEXIST): return false
    case .refused(let number): throw .socket(attempted: attempted, errno: number)
    }
  }
}

extension [UInt8] {
  fileprivate mutating func appendTuple(
    _ which: ctattr_type, _ source: Address, _ sourcePort: UInt16, _ destination: Address,
    _ destinationPort: UInt16
  ) {
    appendNested(which.rawValue) {
      $0.appendNested(CTA_TUPLE_IP.rawValue) {
        $0.appendAddress(source, CTA_IP_V4_SRC, CTA_IP_V6_SRC)
        $0.appendAddress(destination, CTA_IP_V4_DST, CTA_IP_V6_DST)
      }
      $0.appendNested(CTA_TUPLE_PROTO.rawValue) {
        $0.appendAttribute(CTA_PROTO_NUM.rawValue, [UInt8(IPPROTO_TCP)])
        $0.appendPort(CTA_PROTO_SRC_PORT, sourcePort)
        $0.appendPort(CTA_PROTO_DST_PORT, destinationPort)
      }
    }
  }

  private mutating func appendAddress(
    _ address: Address, _ four: ctattr_ip, _ six: ctattr_ip
  ) {
    var bytes: [UInt8] = []
    switch address {
    case .ipv4(let bits):
      bytes.append(bits, byteCount: 4, order: .network)
      appendAttribute(four.rawValue, bytes)
    case .ipv6(let bits):
      bytes.append(bits, byteCount: 16, order: .network)
      appendAttribute(six.rawValue, bytes)
    }
  }

  private mutating func appendPort(_ which: ctattr_l4proto, _ port: UInt16) {
    appendAttribute(which.rawValue, [UInt8(port >> 8), UInt8(port & 255)])
  }
}
