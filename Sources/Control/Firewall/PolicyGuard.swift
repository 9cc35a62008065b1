internal import CLinux
internal import Foundation

/// A process of its own that takes a generation back unless it is confirmed in time: it outlives the
/// command that applied it, its terminal, and the proxy.
public enum PolicyGuard {
  /// Starts the guard of a pending generation; its process ID.
  static func start(_ store: PolicyStore, generation: UInt64) throws -> Int32 {
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
    // Whoever waits for the end of the command's output does not wait for the guard.
    _ = unsafe gatehouse_spawn_closefrom(&actions, 3)
    let arguments = [
      "gatehouse", "policy", "guard", "--state", store.folder, "--generation", "\(generation)",
    ]
    var pointers = unsafe arguments.map { unsafe strdup($0) } + [nil]
    defer { for index in unsafe pointers.indices { unsafe free(pointers[index]) } }
    var process: pid_t = 0
    let path = executable
    let status = unsafe posix_spawn(&process, path, &actions, &attributes, &pointers, environ)
    guard status == 0 else {
      throw PolicyStore.Failure(
        "cannot start the guard: \(unsafe String(cString: strerror(status))); nothing was applied")
    }
    return process
  }

  /// What the guard's process does, from its start to its end.
  public static func watch(_ store: PolicyStore, generation: UInt64) throws -> String {
    signal(SIGHUP, SIG_IGN)
    signal(SIGINT, SIG_IGN)
    // A state that can't be read for a moment is no confirmation: what was known goes on.
    var known = try? store.state().pending
    while true {
      if let state = try? store.state() { known = state.pending }
      guard let pending = known, pending.generation == generation else {
        return "generation \(generation) is not pending any more"
      }
      guard pending.boot == BootClock.id, BootClock.milliseconds < pending.deadline else {
        return try expire(store, generation)
      }
      usleep(useconds_t(max(1, min(250, pending.deadline - BootClock.milliseconds))) * 1000)
    }
  }

  /// Whatever is in the way may pass: it goes on trying.
  private static func expire(_ store: PolicyStore, _ generation: UInt64) throws -> String {
    for attempt in 0..<attemptLimit {
      do {
        guard let outcome = try PolicyApplication(store).expire(generation) else { break }
        return "went back to generation \(outcome.generation): \(generation) was not confirmed"
      } catch {
        if attempt == attemptLimit - 1 { throw error }
        usleep(500_000)
      }
    }
    return "generation \(generation) is not pending any more"
  }

  private static let attemptLimit = 600

  private static var executable: String {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
      ?? CommandLine.arguments[0]
  }
}
