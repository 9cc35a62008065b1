import Databases
import Foundation
import Glibc
import Synchronization

/// Threads that insert rows of their own as an application does: at whichever server takes them.
final class Writers: Sendable {
  private struct State {
    var acknowledged: Set<Int> = []
    var isStopped = false
  }

  private let state = Mutex(State())
  private let threads = DispatchGroup()

  /// `at`: other addresses than the site's own servers.
  init(_ site: DatabaseSite, count: Int, at ways: [DatabaseAddress]? = nil) throws {
    let addresses = ways ?? site.servers.map(\.address)
    for writer in 0..<count {
      threads.enter()
      Thread.detachNewThread { [self] in
        defer { threads.leave() }
        write(from: writer * 1_000_000, addresses)
      }
    }
  }

  /// Waits until so many more rows were acknowledged, at most 20 s.
  func waitForMore(_ count: Int) {
    let goal = state.withLock { $0.acknowledged.count } + count
    for _ in 0..<400 where state.withLock({ $0.acknowledged.count }) < goal { usleep(50_000) }
  }

  /// All rows that a server said it has.
  func stop() -> Set<Int> {
    state.withLock { $0.isStopped = true }
    threads.wait()
    return state.withLock { $0.acknowledged }
  }

  private func write(from first: Int, _ addresses: [DatabaseAddress]) {
    var next = first
    var at = 0
    var session: MySQLSession?
    while !state.withLock({ $0.isStopped }) {
      next += 1
      do {
        let current =
          try session
          ?? MySQLSession(to: addresses[at], as: MariaDB.app, within: .seconds(2))
        session = current
        try current.query("INSERT INTO shop.orders VALUES (\(next))", within: .seconds(15))
        _ = state.withLock { $0.acknowledged.insert(next) }
      } catch {
        // Read-only or gone: the next one may take it.
        session?.close()
        session = nil
        at = (at + 1) % addresses.count
        usleep(20_000)
      }
    }
    session?.close()
  }
}
