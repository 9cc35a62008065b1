import Foundation
import Testing

@testable import Control
@testable import Proxy

@Suite struct PeakBookTests {
  private func report(active: Int, requests: UInt64, queued: Int) -> WorkerReport {
    WorkerReport(
      worker: 0, clients: 0, counters: Counters(),
      servers: [
        .init(
          backend: "web", name: "s1", weight: 1, isSetAside: false, ejectReason: "", ejectedFor: 0,
          active: active, idle: 0, requests: requests)
      ], queued: ["web": queued], traffic: TrafficReport(), turnTimes: Histogram())
  }

  @Test func `keeps the most of all workers together, and the last second's rate`() {
    let book = PeakBook()
    let start = Date(timeIntervalSince1970: 1_000_000)
    book.add(
      [report(active: 2, requests: 10, queued: 1), report(active: 3, requests: 0, queued: 4)],
      at: start)
    let server = PeakBook.Key.server(ServerID(backend: "web", server: "s1"))
    #expect(book.peaks[server]?.active == 5 && book.peaks[server]?.rate == 0)
    #expect(book.peaks[.backend("web")]?.queued == 5)
    book.add([report(active: 1, requests: 60, queued: 0)], at: start + 2)
    #expect(book.peaks[server] == .init(active: 5, queued: 0, rate: 25, highestRate: 25))
    book.add([report(active: 0, requests: 61, queued: 0)], at: start + 3)
    #expect(book.peaks[server] == .init(active: 5, queued: 0, rate: 1, highestRate: 25))
    // A counter that falls, a clock that stands still, and what is gone.
    book.add([report(active: 0, requests: 0, queued: 0)], at: start + 4)
    #expect(book.peaks[server]?.rate == 0)
    book.add([report(active: 0, requests: .max, queued: 0)], at: start + 4)
    #expect(book.peaks[server]?.highestRate == 25)
    book.add([], at: start + 5)
    #expect(book.peaks.isEmpty)
  }
}
