internal import CLinux
internal import Glibc

/// What an event or a timer is about.
struct Token: Equatable {
  enum Kind: UInt8 { case listener, client, upstream, mailbox }
  let kind: Kind
  let id: SlotID

  /// Kind in the two top bits of the generation: a slot is used 2^29 times before one repeats.
  var bits: UInt64 {
    UInt64(kind.rawValue) << 62 | UInt64(id.generation & 0x3fff_ffff) << 32 | UInt64(id.index)
  }

  init(_ kind: Kind, _ id: SlotID) {
    self.kind = kind
    self.id = id
  }

  init(bits: UInt64) {
    switch bits >> 62 {
    case 0: kind = .listener
    case 1: kind = .client
    case 2: kind = .upstream
    default: kind = .mailbox
    }
    id = SlotID(
      index: UInt32(truncatingIfNeeded: bits),
      generation: UInt32(truncatingIfNeeded: bits >> 32) & 0x3fff_ffff)
  }
}

/// What the kernel says of a descriptor.
struct Readiness {
  let isReadable: Bool
  let isWritable: Bool
  /// The other side has sent its last byte.
  let isHungUp: Bool
  /// Nothing can be sent any more either.
  let isBroken: Bool
}

/// One epoll set, edge-triggered: each descriptor is registered once for everything.
@safe struct Poller: ~Copyable {
  private let epoll: FileDescriptor
  private static var eventsPerTurn: Int { 256 }
  private let events: UnsafeMutablePointer<epoll_event>

  private init(_ epoll: consuming FileDescriptor) {
    self.epoll = epoll
    unsafe events = .allocate(capacity: Self.eventsPerTurn)
  }

  /// Nil when no descriptor is left.
  static func make() -> Poller? {
    let number = epoll_create1(Int32(EPOLL_CLOEXEC))
    return number < 0 ? nil : Poller(FileDescriptor(owning: number))
  }

  deinit { unsafe events.deallocate() }

  /// Registers for everything, edge-triggered: a connection.
  func add(_ number: Int32, _ token: Token) -> Bool {
    let edges = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
    return control(EPOLL_CTL_ADD, number, edges, token)
  }

  /// Registers for reading, level-triggered: a listener or the mailbox.
  func addLevel(_ number: Int32, _ token: Token) -> Bool {
    control(EPOLL_CTL_ADD, number, EPOLLIN.rawValue, token)
  }

  func remove(_ number: Int32) {
    epoll_ctl(epoll.number, EPOLL_CTL_DEL, number, nil)
  }

  /// Waits at most `milliseconds` (for ever when nil); says how many events there are.
  func wait(_ milliseconds: Int64?) -> Int {
    let timeout = milliseconds.map { Int32(min($0, 60_000)) } ?? -1
    let count = unsafe epoll_wait(epoll.number, events, Int32(Self.eventsPerTurn), timeout)
    return max(0, Int(count))
  }

  func event(_ index: Int) -> (Token, Readiness) {
    precondition(index >= 0 && index < Self.eventsPerTurn)
    let event = unsafe events[index]
    let flags = unsafe event.events
    let token = unsafe Token(bits: event.data.u64)
    let hungUp = EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue
    return (
      token,
      Readiness(
        isReadable: flags & (EPOLLIN.rawValue | hungUp) != 0,
        isWritable: flags & EPOLLOUT.rawValue != 0,
        isHungUp: flags & hungUp != 0,
        isBroken: flags & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0)
    )
  }

  private func control(_ operation: Int32, _ number: Int32, _ flags: UInt32, _ token: Token) -> Bool
  {
    var event = unsafe epoll_event(events: flags, data: epoll_data_t(u64: token.bits))
    return unsafe epoll_ctl(epoll.number, operation, number, &event) == 0
  }
}
