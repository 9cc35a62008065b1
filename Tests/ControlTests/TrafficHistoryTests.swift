import Foundation
import Testing

@testable import Control
@testable import Proxy

@Suite struct TrafficHistoryTests {
  private func report(_ listeners: [String: UInt64]) throws -> WorkerReport {
    var configuration = ProxyConfiguration()
    configuration.listeners = listeners.keys.sorted().map { .init(name: $0, addresses: []) }
    let snapshot = try Snapshot(configuration)
    var meters = Meters(snapshot)
    for (index, listener) in snapshot.listeners.enumerated() {
      meters.listeners[index].accepted = listeners[listener.name] ?? 0
    }
    return WorkerReport(
      worker: 0, clients: 0, counters: Counters(), servers: [], queued: [:],
      traffic: TrafficReport(meters, snapshot), turnTimes: Histogram(), refusedSources: [])
  }

  @Test func `a listener that is gone is no traffic`() throws {
    let history = TrafficHistory()
    let start = Date(timeIntervalSince1970: 1_800_000_000)
    let seconds: [[String: UInt64]] = [
      ["a": 100, "b": 1000], ["a": 103, "b": 1000], ["a": 104], ["a": 105],
    ]
    for (second, listeners) in seconds.enumerated() {
      history.add([try report(listeners)], at: start + Double(second))
    }
    #expect(history.moments.map(\.accepted) == [3, 1, 1])
  }

  @Test func `a quantile lies within its bucket, and in the last one at its lower bound`() {
    var latency = [UInt64](repeating: 0, count: Histogram.bucketCount)
    #expect(RecentTraffic.quantile(0.5, of: latency) == nil)
    latency[4] = 10
    #expect(RecentTraffic.quantile(0.5, of: latency) == 0.00375)
    latency[4] = 0
    latency[16] = 1
    #expect(RecentTraffic.quantile(0.99, of: latency) == 30)
  }
}
