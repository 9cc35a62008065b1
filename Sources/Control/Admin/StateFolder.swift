internal import Foundation

/// Where what changes while running is kept; one process at a time has it. Where it can't be used,
/// things go on without it.
final class StateFolder: Sendable {
  /// Nil when it can't be used.
  let path: String?
  /// Why, and what to do.
  let trouble: String?

  /// Keeps nothing.
  init() {
    path = nil
    trouble = nil
  }

  init(_ folder: String) {
    do throws(Refusal) {
      try Self.open(folder)
      path = folder
      trouble = nil
    } catch {
      path = nil
      trouble =
        "the state folder \(folder) \(error.reason): what is changed while running ends with this "
        + "process, and no audit log is kept; name another with `state: PATH`"
    }
  }

  func file(_ name: String) -> String? { path.map { "\($0)/\(name)" } }

  private struct Refusal: Error { var reason: String }

  /// Made where it is not there, and locked until the process ends.
  private static func open(_ folder: String) throws(Refusal) {
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o750])
    } catch { throw Refusal(reason: "can't be made: \(PolicyStore.reason)") }
    let lock = unsafe Foundation.open(
      "\(folder)/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o640)
    guard lock >= 0 else { throw Refusal(reason: "can't be written: \(PolicyStore.reason)") }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      close(lock)
      throw Refusal(reason: "is in use by another process")
    }
    // Never closed: the lock ends with the process.
  }
}
