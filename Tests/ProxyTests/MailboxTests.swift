import Glibc
import Testing

@testable import Proxy

@Suite struct MailboxTests {
  private static func isReadable(_ number: Int32) -> Bool {
    var entry = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&entry, 1, 0) == 1 && entry.revents & Int16(POLLIN) != 0
  }

  private static func numbers(_ commands: [Command]) -> [Int] {
    commands.compactMap {
      guard case .serveQueue(let backend, _) = $0 else { return nil }
      return Int(backend)
    }
  }

  @Test func `commands are taken in their order, once, and wake while they wait`() throws {
    let mailbox = try #require(Mailbox())
    #expect(!Self.isReadable(mailbox.number))
    #expect(mailbox.takeAll().isEmpty)
    for number in 0..<3 {
      mailbox.post(.serveQueue(backend: "\(number)", others: 0))
      #expect(Self.isReadable(mailbox.number))
    }
    #expect(Self.numbers(mailbox.takeAll()) == [0, 1, 2])
    #expect(!Self.isReadable(mailbox.number))
    #expect(mailbox.takeAll().isEmpty)
    mailbox.post(.drain)
    #expect(Self.isReadable(mailbox.number))
    #expect(mailbox.takeAll().count == 1)
  }

  @Test func `nothing is lost between threads`() async throws {
    let mailbox = try #require(Mailbox())
    let taken = await withTaskGroup(of: Void.self) { group in
      for writer in 0..<4 {
        group.addTask {
          for number in 0..<1000 {
            mailbox.post(.serveQueue(backend: "\(writer * 1000 + number)", others: 0))
          }
        }
      }
      var taken: [Int] = []
      while await group.next() != nil { taken += Self.numbers(mailbox.takeAll()) }
      return taken + Self.numbers(mailbox.takeAll())
    }
    #expect(taken.sorted() == Array(0..<4000))
    for writer in 0..<4 {
      let own = taken.filter { $0 / 1000 == writer }
      #expect(own == own.sorted())
    }
  }

  @Test func `a snapshot and a listener are handed over once`() throws {
    let snapshot = try Snapshot(ProxyConfiguration())
    let parcel = Parcel(snapshot)
    #expect(parcel.take() === snapshot)
    #expect(parcel.take() == nil)
    let number = dup(0)
    let listener = BoundListener(
      Socket(FileDescriptor(owning: number)), address: .unix(path: "a"))
    #expect(listener.take() == number)
    #expect(listener.take() == nil)
    close(number)
  }

  @Test func `a report has the answers that came`() throws {
    func report(_ worker: Int) -> WorkerReport {
      WorkerReport(
        worker: worker, clients: 0, counters: Counters(), servers: [], queued: [:],
        traffic: TrafficReport(), turnTimes: Histogram())
    }
    let request = try #require(ReportRequest(workers: 2))
    #expect(request.wait(milliseconds: 0).isEmpty)
    request.answer(report(1))
    #expect(request.wait(milliseconds: 0).map(\.worker) == [1])
    request.answer(report(0))
    // All have answered: this returns at once.
    #expect(request.wait(milliseconds: -1).map(\.worker) == [1, 0])
  }
}
