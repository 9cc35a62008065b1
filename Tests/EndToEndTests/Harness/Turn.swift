import Foundation

/// Tests that take all of the machine take turns: two at once would measure each other. In whatever
/// process: `scripts/test` runs several.
enum Turn {
  struct Lack: Error {
    var path: String
    var error: Int32
  }

  static func alone<Answer>(_ body: () throws -> Answer) throws -> Answer {
    let name = "gatehouse-turn-\(getuid())"
    let path = FileManager.default.temporaryDirectory.appending(path: name).path
    let file = unsafe open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw Lack(path: path, error: errno) }
    defer { close(file) }
    while flock(file, LOCK_EX) != 0 {
      guard errno == EINTR else { throw Lack(path: path, error: errno) }
    }
    return try body()
  }
}
