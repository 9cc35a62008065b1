internal import Glibc

/// The signals that an administrator sends, waited for one at a time.
public enum Signal: Sendable {
  /// SIGHUP: apply the file as it is now.
  case apply
  /// SIGUSR1: open the access log's file again.
  case reopen
  /// SIGTERM and SIGINT: drain.
  case drain

  /// Keeps the signals for `next`; before any thread is started, for all of them to inherit.
  public static func block() {
    var set = mask
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    signal(SIGPIPE, SIG_IGN)
  }

  /// Waits for the next one.
  public static func next() -> Signal {
    var set = mask
    while true {
      var number: Int32 = 0
      guard unsafe sigwait(&set, &number) == 0 else { continue }
      switch number {
      case SIGHUP: return .apply
      case SIGUSR1: return .reopen
      default: return .drain
      }
    }
  }

  /// Whether one has come that `next` would return at once.
  public static var isPending: Bool {
    var set = sigset_t()
    unsafe sigpending(&set)
    return [SIGHUP, SIGTERM, SIGINT].contains { unsafe sigismember(&set, $0) == 1 }
  }

  private static var mask: sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for number in [SIGHUP, SIGUSR1, SIGTERM, SIGINT] { unsafe sigaddset(&set, number) }
    return set
  }
}
