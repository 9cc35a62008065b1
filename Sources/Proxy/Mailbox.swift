internal import CLinux
internal import Glibc
internal import Synchronization

/// What the control thread tells a worker.
enum Command: Sendable {
  /// A new generation, with the sockets of the addresses that the old one did not have, and how its
  /// servers stand.
  case adopt(
    Parcel<Snapshot>, Parcel<Selectors>, listeners: [BoundListener], [ServerID: ServerStanding])
  /// Other certificates for the same listeners; nothing else changes.
  case adoptSelectors(Parcel<Selectors>)
  case useTicketKeys(TicketKeys)
  case answer([ACMEChallenge])
  /// A connection that the control thread has made to this very worker, to a listener by name.
  case serve(BoundListener, listener: String)
  case stand([ServerID: ServerStanding])
  /// A server of the backend has room again; `others`: workers to be told if this one has no use for it.
  case serveQueue(backend: String, others: Int)
  /// What does this worker know of a server's outcomes? The answer goes to `SharedEjections`.
  case tellOfServer(EjectionBook.Key, backend: String, number: UInt32)
  /// Nothing more for a server, in milliseconds of the workers' clock.
  case eject(EjectionBook.Key, backend: String, until: Int64, reason: String)
  case ban(IPAddress, until: Int64)
  case unban(IPAddress)
  case report(ReportRequest)
  /// To the request of this ID, if its client still waits for it.
  case deliver(LocalResponse, SlotID, RequestID)
  /// Bytes for all who keep a connection open for events.
  case publish([UInt8])
  case endEventStreams
  case drain
  case stop
}

/// What is made for one worker, on its way there. The sender keeps no reference, so that the count
/// of references stays on one core; that hand-over is what makes this safe to send.
@safe final class Parcel<Content: AnyObject>: @unchecked Sendable {
  private let content: Mutex<Box>

  private struct Box: @unchecked Sendable { var content: Content? }

  init(_ content: consuming Content) { self.content = Mutex(Box(content: content)) }

  /// The content, once.
  func take() -> Content? {
    content.withLock { box in
      let taken = box
      box.content = nil
      return taken
    }.content
  }
}

/// A socket on its way to the worker that will own it.
final class BoundListener: Sendable {
  let address: SocketAddress
  private let number: Mutex<Int32?>

  init(_ socket: consuming Socket, address: SocketAddress) {
    self.address = address
    number = Mutex(socket.release())
  }

  /// The socket's number, once; whoever takes it owns it.
  func take() -> Int32? {
    number.withLock { number in
      let taken = number
      number = nil
      return taken
    }
  }

  deinit {
    if let number = take() { close(number) }
  }
}

/// Where other threads leave commands for a worker.
final class Mailbox: Sendable {
  private let commands = Mutex<[Command]>([])
  private let event: FileDescriptor
  /// Clients of this worker that listen for events, as it says itself.
  let audience = Atomic<Int>(0)
  /// Commands that may wait before events are dropped.
  static let publishedLimit = 256

  init?() {
    let number = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
    guard number >= 0 else { return nil }
    event = FileDescriptor(owning: number)
  }

  /// Readable while there are commands.
  var number: Int32 { event.number }

  func post(_ command: Command) {
    commands.withLock { $0.append(command) }
    eventfd_write(event.number, 1)
  }

  /// Dropped where a worker has much to do before it.
  func publish(_ bytes: [UInt8]) {
    let isTaken = commands.withLock { list in
      guard list.count < Self.publishedLimit else { return false }
      list.append(.publish(bytes))
      return true
    }
    if isTaken { eventfd_write(event.number, 1) }
  }

  /// Takes all commands, oldest first, and ends the wake-up.
  func takeAll() -> [Command] {
    commands.withLock { list in
      var count: UInt64 = 0
      unsafe eventfd_read(event.number, &count)
      let all = list
      list = []
      return all
    }
  }
}

/// A question to every worker, and where the answers meet.
final class ReportRequest: Sendable {
  private struct State {
    var answers: [WorkerReport] = []
    var missing: Int
  }
  private let state: Mutex<State>
  private let done: FileDescriptor

  init?(workers: Int) {
    let number = eventfd(0, Int32(EFD_CLOEXEC))
    guard number >= 0 else { return nil }
    state = Mutex(State(missing: workers))
    done = FileDescriptor(owning: number)
  }

  func answer(_ report: WorkerReport) {
    let isLast = state.withLock { state in
      state.answers.append(report)
      state.missing -= 1
      return state.missing == 0
    }
    if isLast { eventfd_write(done.number, 1) }
  }

  /// The answers that have come within the time.
  func wait(milliseconds: Int32) -> [WorkerReport] {
    var poll = pollfd(fd: done.number, events: Int16(POLLIN), revents: 0)
    _ = unsafe Glibc.poll(&poll, 1, milliseconds)
    return state.withLock { $0.answers }
  }
}

/// What one worker says of itself.
public struct WorkerReport: Sendable {
  public struct Server: Sendable {
    public let backend: String
    public let name: String
    public let weight: Int
    public let isSetAside: Bool
    /// Why, and for how many milliseconds more.
    public let ejectReason: String
    public let ejectedFor: Int64
    public let active: Int
    /// Exchanges that wait for this very server, of all that wait for its backend.
    public var queued = 0
    public let idle: Int
    public let requests: UInt64
  }
  public let worker: Int
  public let clients: Int
  public let counters: Counters
  public let servers: [Server]
  /// Exchanges that wait for a server, by backend.
  public let queued: [String: Int]
  public let traffic: TrafficReport
  /// How long turns of its loop took, of some of them.
  public let turnTimes: Histogram
  public var refusedSources: [RefusedSources.Source] = []
}
