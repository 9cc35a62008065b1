internal import CLinux
internal import Firewall
internal import Foundation

/// Hears of others' changes for as long as the agent runs, but not while one of our own applies is
/// under way: the kernel would tell us of each of its million elements.
final class CommitListener {
  private var watch: CommitWatch
  /// That of the state; held open, since each opening is told.
  private let lock: Int32
  /// Tells when somebody opens or closes the lock.
  private let notifier: Int32

  /// Nil where the kernel does not let us listen.
  init?(_ store: PolicyStore) {
    guard let watch = try? CommitWatch() else { return nil }
    self.watch = watch
    lock = (try? store.openLock()) ?? -1
    notifier = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
    _ = unsafe inotify_add_watch(notifier, store.path("lock"), UInt32(IN_OPEN | IN_CLOSE))
  }

  deinit {
    close(notifier)
    if lock >= 0 { close(lock) }
  }

  /// Readable when `commits` or `follow` has something to do.
  var descriptors: [Int32] { [watch.descriptor, notifier] }

  func ignore(_ socket: BanSocket) { try? watch.ignore(socket.bans) }

  /// The last commit of another process.
  func lastForeign() -> FirewallKernel.Commit? {
    let commits = (try? watch.commits()) ?? []
    return commits.last { $0.process != getpid() }
  }

  /// Waits, before a load of a long list, until nobody listens any more, but not for long.
  static func awaitPause(for ruleset: Ruleset) {
    guard ruleset.elementCount > longListCount else { return }
    var steps = 0
    while steps < pauseSteps, isAnyoneListening {
      usleep(5000)
      steps += 1
    }
  }

  private static let longListCount = 10_000
  /// Of five milliseconds: somebody else's `nft monitor` goes on listening.
  private static let pauseSteps = 60

  /// Whether a socket of this namespace is in the group: a line of /proc/net/netlink says the protocol
  /// second and the groups fourth.
  private static var isAnyoneListening: Bool {
    let text = String(decoding: (try? Disk.read("/proc/self/net/netlink")) ?? [], as: UTF8.self)
    return text.split(separator: "\n").dropFirst().contains { line in
      let fields = line.split(separator: " ")
      guard fields.count > 3, fields[1] == "12" else { return false }
      return UInt32(fields[3], radix: 16).map { $0 & CommitWatch.group != 0 } ?? false
    }
  }

  /// Listens when no apply holds the lock, and only then.
  func follow() {
    var events = [UInt8](repeating: 0, count: 4096)
    while unsafe read(notifier, &events, events.count) > 0 {}
    guard lock >= 0 else { return }
    guard flock(lock, LOCK_SH | LOCK_NB) == 0 else {
      try? watch.pause()
      return
    }
    flock(lock, LOCK_UN)
    try? watch.resume()
  }
}
