import CNftables
import Glibc

/// A socket to the kernel's nf_tables; everything it asks is answered in its own network namespace.
///
/// `@safe`: the handle is made in `init`, freed in `deinit`, and never leaves.
@safe struct NetlinkSocket: ~Copyable {
  private let handle: OpaquePointer
  private let descriptor: Int32

  /// How long an answer may take; the kernel has it ready before `send` returns.
  private static let answerTimeoutSeconds = 10
  /// The largest piece of a dump that the kernel makes; 8 KiB took four times as long.
  private static let receiveByteCount = 32_768
  private static let receiveBufferByteCount: Int32 = 1 << 20
  private static let messageLimit = 1 << 22

  init() throws(FirewallKernelError) {
    guard let handle = unsafe mnl_socket_open2(NETLINK_NETFILTER, Int32(SOCK_CLOEXEC.rawValue))
    else { throw .socket(attempted: "open a netlink socket", errno: errno) }
    guard unsafe mnl_socket_bind(handle, 0, gatehouse_MNL_SOCKET_AUTOPID()) == 0 else {
      let number = errno
      unsafe mnl_socket_close(handle)
      throw .socket(attempted: "bind a netlink socket", errno: number)
    }
    unsafe self.handle = unsafe handle
    descriptor = unsafe mnl_socket_get_fd(handle)
    var timeout = timeval(tv_sec: Self.answerTimeoutSeconds, tv_usec: 0)
    unsafe setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    // Errors then do not carry the message that caused them.
    set(NETLINK_CAP_ACK, 1, level: SOL_NETLINK)
    if !set(gatehouse_SO_RCVBUFFORCE(), Self.receiveBufferByteCount) {
      set(SO_RCVBUF, Self.receiveBufferByteCount)
    }
  }

  deinit { unsafe mnl_socket_close(handle) }

  /// Sends one datagram, however long: a batch must be whole.
  func send(_ bytes: [UInt8]) throws(FirewallKernelError) {
    let byteCount = Int32(clamping: bytes.count + 4096)
    // The forced size needs CAP_NET_ADMIN on the machine; the other one is capped by wmem_max.
    if !set(gatehouse_SO_SNDBUFFORCE(), byteCount) { set(SO_SNDBUF, byteCount) }
    guard unsafe Glibc.send(descriptor, bytes, bytes.count, 0) == bytes.count else {
      throw .socket(attempted: "send \(bytes.count) bytes to the kernel", errno: errno)
    }
  }

  /// The messages of the next datagram; nil when there is none.
  func receive(waits: Bool) throws(FirewallKernelError) -> [NetlinkMessage]? {
    var buffer = [UInt8](repeating: 0, count: Self.receiveByteCount)
    while true {
      let flags = waits ? 0 : Int32(MSG_DONTWAIT)
      let count = unsafe recv(descriptor, &buffer, buffer.count, flags)
      if count > 0 { return NetlinkMessage.all(in: buffer[..<count]) }
      switch errno {
      case EINTR: continue
      // Answers were lost, but those that fit can still be read.
      case ENOBUFS where !waits: continue
      case EAGAIN where !waits: return nil
      default: throw .socket(attempted: "read the kernel's answer", errno: errno)
      }
    }
  }

  /// The answers to one request up to their end; nil when they changed meanwhile or do not exist.
  func answers(to request: [UInt8]) throws(FirewallKernelError) -> [NetlinkMessage]? {
    try send(request)
    let sequence = request[8...].hostInteger(byteCount: 4)
    let isDump = request[6...].hostInteger(byteCount: 2) & UInt32(NLM_F_DUMP) == NLM_F_DUMP
    var answers: [NetlinkMessage] = []
    var isWhole = true
    while answers.count < Self.messageLimit {
      for message in try receive(waits: true) ?? [] where message.sequence == sequence {
        if message.flags & UInt16(NLM_F_DUMP_INTR) != 0 { isWhole = false }
        if message.type == UInt16(NLMSG_DONE) { return isWhole ? answers : nil }
        if let number = message.errorNumber {
          if number == 0 { return answers }
          if number == ENOENT || number == EINTR { return nil }
          throw .socket(attempted: "read the firewall", errno: number)
        }
        answers.append(message)
        if !isDump { return answers }
      }
    }
    throw .incomprehensible("the kernel's answer does not end")
  }

  @discardableResult
  private func set(_ option: Int32, _ value: Int32, level: Int32 = SOL_SOCKET) -> Bool {
    var value = value
    return unsafe setsockopt(
      descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
  }
}

// MARK: Questions

extension NetlinkSocket {
  /// Counts the commits of this namespace, whoever made them.
  func generation() throws(FirewallKernelError) -> UInt32 {
    guard
      let message = try answers(to: Self.request(NFT_MSG_GETGEN))?.first,
      let number = message.attributes.integer(NFTA_GEN_ID.rawValue)
    else { throw .incomprehensible("the kernel did not tell its ruleset's generation") }
    return UInt32(truncatingIfNeeded: number)
  }

  /// Every object of a kind; nil when the list changed while it was read.
  func list(
    _ kind: nf_tables_msg_types, _ attributes: (inout [UInt8]) -> Void
  ) throws(FirewallKernelError) -> [NetlinkAttributes]? {
    try answers(to: Self.request(kind, flags: NLM_F_DUMP, attributes))?
      .filter { $0.family == NetlinkEncoder.inet }.map(\.attributes)
  }

  func hasTable() throws(FirewallKernelError) -> Bool {
    let request = Self.request(NFT_MSG_GETTABLE) {
      $0.appendAttribute(NFTA_TABLE_NAME.rawValue, text: Ruleset.table)
    }
    return try answers(to: request) != nil
  }

  private static func request(
    _ message: nf_tables_msg_types, flags: Int32 = 0,
    _ attributes: (inout [UInt8]) -> Void = { _ in }
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    let start = bytes.openMessage(
      type: UInt16(NFNL_SUBSYS_NFTABLES) << 8 | UInt16(message.rawValue),
      flags: NLM_F_REQUEST | flags, sequence: 1, family: NetlinkEncoder.inet)
    attributes(&bytes)
    bytes.closeMessage(start)
    return bytes
  }
}
