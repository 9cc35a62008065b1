internal import Synchronization

/// The ejections of one backend, where its workers' failures meet; by name, over generations.
final class SharedEjections: Sendable {
  private let book = Mutex(EjectionBook())

  func change<Answer: Sendable>(_ body: (inout EjectionBook) -> Answer) -> Answer {
    book.withLock { body(&$0) }
  }
}
