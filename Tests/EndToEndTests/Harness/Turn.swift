import Foundation

/// Tests that take all of the machine take turns: two at once would measure each other. In whatever
/// process: `scripts/test` runs several.
enum Turn {
  static func alone<Answer>(_ body: () throws -> Answer) throws -> Answer {
    let path = FileManager.default.temporaryDirectory.appending(path: "gatehouse-turn").path
    let file = unsafe open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o666)
    guard file >= 0, flock(file, LOCK_EX) == 0 else { throw POSIXError(.EDEADLK) }
    defer { close(file) }
    return try body()
  }
}
