import Control
import Glibc
import Testing

@Suite struct SignalsTests {
  /// Sent to this thread alone, so that no other test can be met by it.
  @Test func `each signal is waited for and means one thing`() {
    var before = sigset_t()
    unsafe pthread_sigmask(SIG_BLOCK, nil, &before)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
    Signal.block()
    for (number, expected) in [
      (SIGHUP, Signal.apply), (SIGTERM, .drain), (SIGINT, .drain), (SIGHUP, .apply),
    ] {
      #expect(pthread_kill(pthread_self(), number) == 0)
      #expect(Signal.next() == expected)
    }
  }
}
