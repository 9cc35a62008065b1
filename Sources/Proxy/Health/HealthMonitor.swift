internal import Glibc
internal import Synchronization

/// Checks the servers of every backend with `health`, on one thread of its own.
public final class HealthMonitor: Sendable {
  private let mailbox: HealthMailbox
  private let thread: Mutex<pthread_t?>

  public struct StartError: Error, Sendable {
    public let reason = "health checks could not start: no descriptor, memory or thread is left"
  }

  /// `onChange` is called on the monitor's thread, outside of any lock, when a verdict or what an
  /// agent asks for changed.
  public init(
    onChange: @escaping @Sendable (ServerID, HealthReport) -> Void
  ) throws(StartError) {
    guard let mailbox = HealthMailbox(),
      let thread = HealthThread(mailbox: mailbox, onChange: onChange).launch()
    else { throw StartError() }
    self.mailbox = mailbox
    self.thread = Mutex(thread)
  }

  deinit { stop() }

  /// Servers whose address and check are as before keep their state; others begin anew.
  public func adopt(_ configuration: ProxyConfiguration) {
    mailbox.post(
      .adopt(
        configuration.backends.flatMap { backend in
          backend.servers.compactMap { server in
            ProbeTarget(backend, server).map { (target: $0, settings: backend.health) }
          }
        }))
  }

  /// Of every server that is checked.
  public func reports() -> [ServerID: HealthReport] { mailbox.reports }

  /// Not checked until it is resumed; its report stays as it is.
  public func pause(_ server: ServerID) { mailbox.post(.pause(server)) }

  /// Checked again, at once.
  public func resume(_ server: ServerID) { mailbox.post(.resume(server)) }

  /// A worker saw it fail; two checks are never closer than the fast interval.
  public func checkSoon(_ server: ServerID) { mailbox.post(.checkSoon(server)) }

  /// The result of a check made elsewhere, such as that of MySQL, for the same rule.
  public func record(_ result: ProbeResult, of server: ServerID) {
    mailbox.post(.record(result, server))
  }

  /// Ends the thread; nothing is told afterwards. May be called from `onChange`, too.
  public func stop() {
    mailbox.stop()
    let ending = thread.withLock { thread in
      let ending = thread
      thread = nil
      return ending
    }
    guard let ending else { return }
    if pthread_equal(ending, pthread_self()) != 0 {
      pthread_detach(ending)
    } else {
      pthread_join(ending, nil)
    }
  }
}

/// What the thread is started with.
private final class HealthThread: Sendable {
  private let mailbox: HealthMailbox
  private let onChange: @Sendable (ServerID, HealthReport) -> Void

  init(
    mailbox: HealthMailbox, onChange: @escaping @Sendable (ServerID, HealthReport) -> Void
  ) {
    self.mailbox = mailbox
    self.onChange = onChange
  }

  func launch() -> pthread_t? {
    // Made here, so that a lack of them is told to the caller.
    guard let poller = Poller.make(), let ciphertext = CipherBuffers.make(),
      poller.addLevel(mailbox.number, HealthLoop.mailboxToken)
    else { return nil }
    let start = HealthStart(HealthLoop(poller, ciphertext, mailbox, onChange))
    var thread = pthread_t()
    let argument = unsafe Unmanaged.passRetained(start)
    let answer = unsafe pthread_create(
      &thread, nil,
      { argument in
        if let argument = unsafe argument {
          unsafe Unmanaged<HealthStart>.fromOpaque(argument).takeRetainedValue().loop.run()
        }
        return nil
      }, argument.toOpaque())
    guard answer == 0 else {
      unsafe argument.release()
      return nil
    }
    return thread
  }
}

/// Carries the loop to its thread.
private final class HealthStart {
  let loop: HealthLoop

  init(_ loop: HealthLoop) { self.loop = loop }
}
