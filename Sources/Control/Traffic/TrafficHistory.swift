public import Foundation
internal import Proxy
internal import Synchronization

/// One second of traffic.
public struct TrafficMoment: Codable, Sendable {
  /// When it ended.
  public let at: Date
  /// How long it was, in truth.
  public let seconds: Double
  /// Open at its end.
  public let connections: Int
  public let accepted: UInt64
  public let refused: UInt64
  /// Responses by the first digit of their status; index 0 is for none at all.
  public let responses: [UInt64]
  public let bytesIn: UInt64
  public let bytesOut: UInt64
  /// Requests by how long they took, in the buckets of `Histogram`.
  public let latency: [UInt64]
}

/// How a server, or all of them, did in the last minute.
public struct RecentTraffic: Codable, Sendable {
  public let requestsPerSecond: Double
  /// Of its responses and failures: 5xx, connections that failed or broke, none in time.
  public let errorShare: Double
  /// Nil where nothing was asked.
  public let p50Seconds: Double?
  public let p95Seconds: Double?
  public let p99Seconds: Double?
}

/// What went on in the last five minutes, second by second, and how each server did in the last one.
final class TrafficHistory: Sendable {
  static let momentLimit = 300
  static let recentSeconds = 60

  private struct Sample {
    let at: Date
    let servers: [ServerID: ServerMeter]
    let total: RouteMeter
  }
  private struct State {
    var last: Sum?
    var moments: [TrafficMoment] = []
    /// Oldest first; one more than there are seconds between the first and the last.
    var samples: [Sample] = []
  }
  private let state = Mutex(State())

  /// To be called each second.
  func add(_ reports: [WorkerReport], at time: Date = Date()) {
    let sum = Sum(reports, at: time)
    state.withLock { state in
      if let last = state.last, sum.at > last.at {
        state.moments.append(sum.moment(after: last))
        if state.moments.count > Self.momentLimit { state.moments.removeFirst() }
      }
      state.last = sum
      state.samples.append(Sample(at: time, servers: sum.traffic.servers, total: sum.total))
      if state.samples.count > Self.recentSeconds + 1 { state.samples.removeFirst() }
    }
  }

  var moments: [TrafficMoment] { state.withLock { $0.moments } }

  func recent(_ id: ServerID) -> RecentTraffic? {
    state.withLock { state in
      guard let first = state.samples.first, let last = state.samples.last, last.at > first.at,
        let now = last.servers[id]
      else { return nil }
      let then = first.servers[id] ?? ServerMeter()
      func failures(_ meter: ServerMeter) -> UInt64 {
        meter.responses[5] &+ meter.connectFailures &+ meter.responseFailures
      }
      return RecentTraffic(
        requests: now.requests &- min(then.requests, now.requests),
        failures: failures(now) &- min(failures(then), failures(now)),
        latency: difference(now.firstByte, then.firstByte),
        seconds: last.at.timeIntervalSince(first.at))
    }
  }

  /// Of all routes of all listeners.
  var recent: RecentTraffic? {
    state.withLock { state in
      guard let first = state.samples.first, let last = state.samples.last, last.at > first.at
      else { return nil }
      let (now, then) = (last.total.responses, first.total.responses)
      return RecentTraffic(
        requests: now.total &- min(then.total, now.total),
        failures: now[5] &- min(then[5], now[5]),
        latency: difference(last.total.duration, first.total.duration),
        seconds: last.at.timeIntervalSince(first.at))
    }
  }
}

/// Counters fall where something was replaced, or where a worker did not answer in time: then nothing is
/// known of what came since.
private func difference(_ now: Histogram, _ then: Histogram) -> [UInt64] {
  zip(now.counts, then.counts).map { $0 >= $1 ? $0 - $1 : 0 }
}

extension RecentTraffic {
  init(requests: UInt64, failures: UInt64, latency: [UInt64], seconds: Double) {
    requestsPerSecond = Double(requests) / seconds
    errorShare = requests == 0 ? 0 : min(1, Double(failures) / Double(requests))
    p50Seconds = Self.quantile(0.50, of: latency)
    p95Seconds = Self.quantile(0.95, of: latency)
    p99Seconds = Self.quantile(0.99, of: latency)
  }

  /// Within its bucket as if all lay evenly; the last bucket counts as its lower bound.
  public static func quantile(_ share: Double, of latency: [UInt64]) -> Double? {
    let total = latency.reduce(0, &+)
    guard total > 0 else { return nil }
    let wanted = share * Double(total)
    var below = 0.0
    for (index, count) in latency.enumerated() where count > 0 {
      let low = index == 0 ? 0 : Double(Histogram.bounds[index - 1])
      guard index < Histogram.bounds.count else { return low / 1e6 }
      guard below + Double(count) >= wanted else {
        below += Double(count)
        continue
      }
      let high = Double(Histogram.bounds[index])
      return (low + (high - low) * (wanted - below) / Double(count)) / 1e6
    }
    return nil
  }
}

/// All workers together, at one time.
private struct Sum {
  let at: Date
  var connections = 0
  var traffic = TrafficReport()
  var total = RouteMeter()
  var listeners = ListenerMeter()

  init(_ reports: [WorkerReport], at time: Date) {
    at = time
    for report in reports { traffic += report.traffic }
    for route in traffic.routes.values { total += route }
    for listener in traffic.listeners.values { listeners += listener }
    connections = Int(clamping: listeners.connections)
  }

  func moment(after last: Sum) -> TrafficMoment {
    // By listener and route, for some may be gone.
    func grown(_ counter: (ListenerMeter) -> UInt64) -> UInt64 {
      traffic.listeners.reduce(0) { sum, one in
        let (now, then) = (counter(one.value), last.traffic.listeners[one.key].map(counter) ?? 0)
        return sum &+ (now >= then ? now - then : 0)
      }
    }
    var latency = [UInt64](repeating: 0, count: Histogram.bucketCount)
    for (key, meter) in traffic.routes {
      let then = last.traffic.routes[key]?.duration ?? Histogram()
      for (index, count) in difference(meter.duration, then).enumerated() {
        latency[index] &+= count
      }
    }
    return TrafficMoment(
      at: at, seconds: at.timeIntervalSince(last.at), connections: connections,
      accepted: grown(\.accepted), refused: grown(\.refused),
      responses: (0..<6).map { digit in grown { $0.responses[digit] } },
      bytesIn: grown(\.bytesIn), bytesOut: grown(\.bytesOut), latency: latency)
  }
}
