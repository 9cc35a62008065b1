import CNftables
import Glibc

/// A socket to one of the kernel's netlink families; everything it asks is answered in its own
/// network namespace.
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
  private static let messageLimit = 1 << 24
  /// Fits into every socket's buffer as it is made.
  private static let plainSendByteCount = 64 << 10

  init(_ family: Int32 = NETLINK_NETFILTER) throws(FirewallKernelError) {
    guard let handle = unsafe mnl_socket_open2(family, Int32(SOCK_CLOEXEC.rawValue))
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
    if bytes.count > Self.plainSendByteCount {
      let byteCount = Int32(clamping: bytes.count + 4096)
      // The forced size needs CAP_NET_ADMIN on the machine; the other one is capped by wmem_max.
      if !set(gatehouse_SO_SNDBUFFORCE(), byteCount) { set(SO_SNDBUF, byteCount) }
    }
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

  /// How the answers to a request ended.
  enum Ending: Equatable {
    case whole
    case changedMeanwhile
    case refused(errno: Int32)
  }

  /// Hands over each answer to a request as it comes, so that a list of any length takes little.
  func visitAnswers(
    to request: [UInt8], _ visit: (NetlinkMessage) throws(FirewallKernelError) -> Void
  ) throws(FirewallKernelError) -> Ending {
    try send(request)
    let sequence = request[8...].hostInteger(byteCount: 4)
    let isDump = request[6...].hostInteger(byteCount: 2) & UInt32(NLM_F_DUMP) == NLM_F_DUMP
    var isWhole = true
    var count = 0
    while count < Self.messageLimit {
      for message in try receive(waits: true) ?? [] where message.sequence == sequence {
        if message.flags & UInt16(NLM_F_DUMP_INTR) != 0 { isWhole = false }
        if let number = message.errorNumber, number != 0 { return .refused(errno: number) }
        if message.isDone || message.errorNumber == 0 {
          return isWhole ? .whole : .changedMeanwhile
        }
        try visit(message)
        count += 1
        if !isDump { return .whole }
      }
    }
    throw .incomprehensible("the kernel's answer does not end")
  }

  /// The answers to one request up to their end; nil when they changed meanwhile or do not exist.
  func answers(to request: [UInt8]) throws(FirewallKernelError) -> [NetlinkMessage]? {
    var answers: [NetlinkMessage] = []
    switch try visitAnswers(to: request, { answers.append($0) }) {
    case .whole: return answers
    case .changedMeanwhile, .refused(errno: ENOENT), .refused(errno: EINTR): return nil
    case .refused(let number): throw .socket(attempted: "read the firewall", errno: number)
    }
  }

  /// Every answer of a dump that nothing but the kernel's lack of a part can refuse.
  func visitAll(
    _ request: [UInt8], attempted: String,
    _ visit: (NetlinkMessage) throws(FirewallKernelError) -> Void
  ) throws(FirewallKernelError) {
    if case .refused(let number) = try visitAnswers(to: request, visit) {
      throw .socket(attempted: attempted, errno: number)
    }
  }

  /// Has the kernel do away with one object; false when it was gone already.
  func remove(_ request: [UInt8], attempted: String) throws(FirewallKernelError) -> Bool {
    switch try visitAnswers(to: request, { _ in }) {
    case .whole, .changedMeanwhile: return true
    case .refused(errno: ENOENT): return false
    case .refused(let number): throw .socket(attempted: attempted, errno: number)
    }
  }

  var number: Int32 { descriptor }

  /// Begins or ends to receive what the kernel tells a group.
  func join(_ group: nfnetlink_groups, _ isMember: Bool) throws(FirewallKernelError) {
    let option = isMember ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP
    guard set(option, Int32(group.rawValue), level: SOL_NETLINK) else {
      throw .socket(attempted: "listen for changes of the firewall", errno: errno)
    }
  }

  /// Tells this socket from others in what the kernel sends (nlmsg_pid of <linux/netlink.h>).
  var port: UInt32 { unsafe mnl_socket_get_portid(handle) }

  /// From now on receives these messages of the groups that it joins, and nothing else; nor those that
  /// a batch sent from `port` has caused.
  func hear(
    _ message: nf_tables_msg_types, notFrom port: UInt32? = nil
  ) throws(FirewallKernelError) {
    // Loads the type and the port from the header, in the order of the network whatever the machine's.
    func asLoaded(_ number: UInt32, byteCount: Int) -> UInt32 {
      var bytes: [UInt8] = []
      bytes.append(number, byteCount: byteCount, order: .host)
      return UInt32(truncatingIfNeeded: bytes[...].networkInteger)
    }
    let type = asLoaded(UInt32(NetlinkEncoder.type(message)), byteCount: 2)
    let take = sock_filter(code: 0x06, jt: 0, jf: 0, k: .max)
    let leave = sock_filter(code: 0x06, jt: 0, jf: 0, k: 0)
    var program = [
      sock_filter(code: 0x28, jt: 0, jf: 0, k: 4), sock_filter(code: 0x15, jt: 1, jf: 0, k: type),
      leave,
    ]
    if let port {
      program += [
        sock_filter(code: 0x20, jt: 0, jf: 0, k: 12),
        sock_filter(code: 0x15, jt: 0, jf: 1, k: asLoaded(port, byteCount: 4)), leave,
      ]
    }
    program.append(take)
    let isFiltered = unsafe program.withUnsafeMutableBufferPointer { steps in
      var filter = unsafe sock_fprog(len: UInt16(steps.count), filter: steps.baseAddress)
      return unsafe setsockopt(
        descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &filter,
        socklen_t(MemoryLayout<sock_fprog>.size))
    }
    guard isFiltered == 0 else {
      throw .socket(attempted: "listen for changes of the firewall", errno: errno)
    }
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

  /// Every chain of every table, one at a time; false when the list changed while it was read.
  func dumpChains(_ take: (NetlinkMessage) -> Void) throws(FirewallKernelError) -> Bool {
    let request = Self.request(
      NFT_MSG_GETCHAIN, flags: NLM_F_DUMP, family: UInt8(NFPROTO_UNSPEC))
    return try visitAnswers(to: request, take) == .whole
  }

  /// Some elements of a set at a time; false when the set is gone.
  func dumpElements(
    of set: String, _ take: (NetlinkMessage) -> Void
  ) throws(FirewallKernelError) -> Bool {
    let request = Self.request(NFT_MSG_GETSETELEM, flags: NLM_F_DUMP) {
      $0.appendAttribute(NFTA_SET_ELEM_LIST_TABLE.rawValue, text: Ruleset.table)
      $0.appendAttribute(NFTA_SET_ELEM_LIST_SET.rawValue, text: set)
    }
    return try visitAnswers(to: request, take) == .whole
  }

  /// One element, found by its key; nil when it is not in the set.
  func element(
    _ key: UInt128, of set: NamedSet
  ) throws(FirewallKernelError) -> ElementPacking.Boundary? {
    try packedElement(key, of: set).flatMap { ElementPacking.boundaries(in: $0).first }
  }

  /// The same as the kernel packs it: a list of one.
  func packedElement(
    _ key: UInt128, of set: NamedSet
  ) throws(FirewallKernelError) -> ArraySlice<UInt8>? {
    var one = set
    one.elements = .list([SetElement(first: key, last: key)])
    let request = Self.request(NFT_MSG_GETSETELEM) {
      $0.appendAttribute(NFTA_SET_ELEM_LIST_TABLE.rawValue, text: Ruleset.table)
      $0.appendAttribute(NFTA_SET_ELEM_LIST_SET.rawValue, text: set.name)
      $0.appendNested(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue) {
        _ = ElementPacking.append(one, from: 0, isWhole: false, to: &$0)
      }
    }
    return try answers(to: request)?.first?.attributes.first(
      NFTA_SET_ELEM_LIST_ELEMENTS.rawValue)
  }

  func hasTable() throws(FirewallKernelError) -> Bool { try tableFlags() != nil }

  /// Those of our table; nil where there is none.
  func tableFlags() throws(FirewallKernelError) -> UInt32? {
    let request = Self.request(NFT_MSG_GETTABLE) {
      $0.appendAttribute(NFTA_TABLE_NAME.rawValue, text: Ruleset.table)
    }
    return try answers(to: request).map {
      UInt32(truncatingIfNeeded: $0.first?.attributes.integer(NFTA_TABLE_FLAGS.rawValue) ?? 0)
    }
  }

  private static func request(
    _ message: nf_tables_msg_types, flags: Int32 = 0, family: UInt8 = NetlinkEncoder.inet,
    _ attributes: (inout [UInt8]) -> Void = { _ in }
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    let start = bytes.openMessage(
      type: UInt16(NFNL_SUBSYS_NFTABLES) << 8 | UInt16(message.rawValue),
      flags: NLM_F_REQUEST | flags, sequence: 1, family: family)
    attributes(&bytes)
    bytes.closeMessage(start)
    return bytes
  }
}
