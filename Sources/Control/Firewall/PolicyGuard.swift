internal import CLinux
internal import Foundation

/// A process of its own that takes a generation back unless it is confirmed in time: it outlives the
/// command that applied it, its terminal, and the proxy.
public enum PolicyGuard {
  /// Where the guard says that it is at work.
  private static let readyDescriptor: Int32 = 3
  private static let readyMilliseconds: Int32 = 10_000

  /// Starts the guard of a pending generation, and waits until it says that it knows of it; its process ID.
  static func start(_ store: PolicyStore, generation: UInt64) throws -> Int32 {
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { throw failure(PolicyStore.reason) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(ends[0]) }
    let process: pid_t
    do {
      defer { close(ends[1]) }
      process = try spawn(store, generation, ready: ends[1])
    }
    var answer = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
    var byte: UInt8 = 0
    guard unsafe poll(&answer, 1, readyMilliseconds) == 1,
      unsafe read(ends[0], &byte, 1) == 1
    else {
      kill(process, SIGKILL)
      throw failure("it does not answer; see \(store.path("guard.log"))")
    }
    return process
  }

  private static func failure(_ reason: String) -> PolicyStore.Failure {
    PolicyStore.Failure("cannot start the guard: \(reason); nothing was applied")
  }

  private static func spawn(
    _ store: PolicyStore, _ generation: UInt64, ready: Int32
  ) throws -> pid_t {
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    // A session of its own: nothing that happens to the terminal reaches it.
    let setSession: Int16 = 0x80
    unsafe posix_spawnattr_setflags(&attributes, setSession)
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    let log = store.path("guard.log")
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
    unsafe posix_spawn_file_actions_adddup2(&actions, ready, readyDescriptor)
    // Whoever waits for the end of the command's output does not wait for the guard.
    _ = unsafe gatehouse_spawn_closefrom(&actions, readyDescriptor + 1)
    let arguments = [
      "gatehouse", "policy", "guard", "--state", store.folder, "--generation", "\(generation)",
      "--ready",
    ]
    var pointers = unsafe arguments.map { unsafe strdup($0) } + [nil]
    defer { for index in unsafe pointers.indices { unsafe free(pointers[index]) } }
    var process: pid_t = 0
    let path = executable
    let status = unsafe posix_spawn(&process, path, &actions, &attributes, &pointers, environ)
    guard status == 0 else { throw failure(unsafe String(cString: strerror(status))) }
    return process
  }

  /// What the guard's process does, from its start to its end. `isAwaited`: somebody waits at the
  /// descriptor for word that it has begun.
  public static func watch(
    _ store: PolicyStore, generation: UInt64, isAwaited: Bool
  ) throws -> String {
    signal(SIGHUP, SIG_IGN)
    signal(SIGINT, SIG_IGN)
    signal(SIGPIPE, SIG_IGN)
    var known = try store.state().pending
    if isAwaited, known?.generation == generation {
      _ = unsafe write(readyDescriptor, [UInt8(1)], 1)
      close(readyDescriptor)
    }
    while true {
      // A state that can't be read, or is gone, is no confirmation: what was known goes on.
      if store.hasState, let state = try? store.state() {
        known = state.isOnTrial(generation) ? state.pending ?? known : nil
      }
      guard let pending = known, pending.generation == generation else {
        return "generation \(generation) is not pending any more"
      }
      guard pending.boot == BootClock.id, BootClock.milliseconds < pending.deadline else {
        return try expire(store, pending)
      }
      usleep(useconds_t(max(1, min(250, pending.deadline - BootClock.milliseconds))) * 1000)
    }
  }

  /// Whatever is in the way may pass: it goes on trying, and never gives up.
  private static func expire(
    _ store: PolicyStore, _ pending: PolicyState.Pending
  ) throws -> String {
    let generation = pending.generation
    var attempts = 0
    while true {
      do {
        let outcome = try PolicyApplication(store).expire(
          pending, others: attempts >= patientAttempts)
        guard let outcome else { return "generation \(generation) is not pending any more" }
        return "went back to generation \(outcome.generation): \(generation) was not confirmed"
      } catch let unwritten as PolicyApplication.Unwritten {
        if attempts == 0 { say("\(unwritten)") }
        attempts += 1
        if let outcome = settle(store, unwritten, generation) {
          return "went back to generation \(outcome.generation): \(generation) was not confirmed"
        }
      } catch {
        // Whoever took the whole folder away for good left nothing to go back to.
        guard store.exists || attempts < 2 * patientAttempts else { return "\(error)" }
        if attempts.isMultiple(of: patientAttempts) { say("\(error)") }
        usleep(attempts < patientAttempts ? 500_000 : 5_000_000)
        attempts += 1
      }
    }
  }

  private static func settle(
    _ store: PolicyStore, _ unwritten: PolicyApplication.Unwritten, _ generation: UInt64
  ) -> PolicyApplication.Outcome? {
    while true {
      usleep(2_000_000)
      do { return try PolicyApplication(store).settle(unwritten, generation) } catch { continue }
    }
  }

  /// Before it takes another generation than the one before, and more time for each attempt.
  private static let patientAttempts = 60

  /// To its log, at once.
  private static func say(_ text: String) {
    let line = Array("\(text)\n".utf8)
    _ = unsafe write(1, line, line.count)
  }

  /// Whether the guard of a pending generation is alive.
  public static func isAlive(_ pending: PolicyState.Pending) -> Bool {
    guard let process = pending.guardian, pending.boot == BootClock.id else { return false }
    let words = (try? Disk.read("/proc/\(process)/cmdline")) ?? []
    return words.split(separator: 0).contains(Array("guard".utf8)[...])
  }

  private static var executable: String {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
      ?? CommandLine.arguments[0]
  }
}
