import Foundation
import Glibc

/// Clients that ask without a pause over kept connections, and what each of them saw.
final class Load: @unchecked Sendable {
  struct Seen {
    let method: String
    /// Of a POST: what its body said.
    let number: Int
    let began: Double
    let took: Double
    /// 0 when the connection broke.
    let status: Int
    let server: String
  }

  private let lock = NSLock()
  private var seen: [Seen] = []
  private var isOver = false
  private var numbers = 0
  private let group = DispatchGroup()
  private let port: UInt16
  private let path: String

  init(port: UInt16, path: String = "/", readers: Int = 6, writers: Int = 2) {
    self.port = port
    self.path = path
    for index in 0..<readers + writers {
      let method = index < readers ? "GET" : "POST"
      group.enter()
      Thread.detachNewThread { [self] in
        work(method)
        group.leave()
      }
    }
  }

  /// Seconds since some fixed point.
  static var now: Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  var count: Int { lock.withLock { seen.count } }

  /// Until so many more answers have come, at most 30 s.
  func run(_ more: Int) -> Bool {
    let goal = count + more
    for _ in 0..<1500 {
      if count >= goal { return true }
      usleep(20_000)
    }
    return false
  }

  /// Ends it, and tells all that was seen.
  func end() -> [Seen] {
    lock.withLock { isOver = true }
    group.wait()
    return lock.withLock { seen }
  }

  private func work(_ method: String) {
    var connection: RawSocket?
    while !lock.withLock({ isOver }) {
      let number = lock.withLock { () -> Int in
        numbers += 1
        return numbers
      }
      let body = method == "POST" ? "\(number)" : ""
      let began = Load.now
      if connection == nil { connection = try? RawSocket(port: port) }
      guard let socket = connection else {
        usleep(1000)
        continue
      }
      socket.send(
        "\(method) \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
      )
      let (status, server, keeps) = Self.answer(socket)
      let one = Seen(
        method: method, number: number, began: began, took: Load.now - began, status: status,
        server: server)
      lock.withLock { seen.append(one) }
      if !keeps { connection = nil }
      usleep(1000)
    }
  }

  private static func answer(_ socket: RawSocket) -> (status: Int, server: String, keeps: Bool) {
    var text = ""
    while !text.contains("\r\n\r\n") {
      let piece = socket.receive()
      if piece.isEmpty { return (0, "", false) }
      text += String(decoding: piece, as: UTF8.self)
    }
    let status = Int(text.split(separator: " ").dropFirst().first ?? "") ?? 0
    let keeps = !text.lowercased().contains("connection: close")
    guard let length = text.firstMatch(of: /(?i)content-length: (\d+)/).flatMap({ Int($0.1) })
    else { return (status, "", false) }
    while true {
      let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2, parts[1].utf8.count >= length {
        return (status, parts[1].trimmingCharacters(in: .whitespacesAndNewlines), keeps)
      }
      let piece = socket.receive()
      if piece.isEmpty { return (0, "", false) }
      text += String(decoding: piece, as: UTF8.self)
    }
  }
}

extension [Load.Seen] {
  var failures: [Load.Seen] { filter { $0.status != 200 } }

  /// What clients saw of a fault that began then, for the table in docs/balancing.md.
  func summary(of fault: String, since: Double) -> String {
    let after = filter { $0.began + $0.took >= since }
    let bad = after.failures
    let kinds = Dictionary(grouping: bad) {
      "\($0.method) \($0.status == 0 ? "cut" : "\($0.status)")"
    }
    .map { "\($0.value.count) \($0.key)" }.sorted().joined(separator: ", ")
    let last = bad.map { $0.began + $0.took - since }.max() ?? 0
    let longest = after.map(\.took).max() ?? 0
    return String(
      format:
        "FAULT %@: of %d requests failed %d (%@); last failure after %.2f s; longest answer %.2f s",
      fault, after.count, bad.count, kinds.isEmpty ? "none" : kinds, last, longest)
  }
}
