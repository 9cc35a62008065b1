import Dispatch

/// Tests that take all of the machine take turns: two at once would measure each other.
enum Turn {
  private static let free = DispatchSemaphore(value: 1)

  static func alone<Answer>(_ body: () throws -> Answer) rethrows -> Answer {
    free.wait()
    defer { free.signal() }
    return try body()
  }
}
