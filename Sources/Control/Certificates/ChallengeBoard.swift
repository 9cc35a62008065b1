internal import Foundation
internal import Proxy
internal import Synchronization

/// Challenges that authorities look for just now, of this process and of commands.
final class ChallengeBoard: Sendable {
  private struct Item {
    let challenge: ACMEChallenge
    let until: Date
  }

  private let items = Mutex<[String: Item]>([:])
  private let proxy: ProxyServer

  /// A command that was killed leaves its challenge behind for so long.
  private static let span: TimeInterval = 600
  /// Far more than one authority validates at once.
  private static let limit = 1_000

  init(_ proxy: ProxyServer) { self.proxy = proxy }

  /// True once every worker answers it.
  func present(_ id: String, _ challenge: ACMEChallenge) -> Bool {
    let all = items.withLock { items -> [ACMEChallenge]? in
      drop(&items)
      guard items.count < Self.limit else { return nil }
      items[id] = Item(challenge: challenge, until: Date() + Self.span)
      return items.values.map(\.challenge)
    }
    return all.map(proxy.answer) ?? false
  }

  func withdraw(_ id: String) {
    let all = items.withLock { items in
      drop(&items)
      items[id] = nil
      return items.values.map(\.challenge)
    }
    _ = proxy.answer(all)
  }

  /// Takes away what nobody has; to be called every minute or so.
  func dropOld() {
    let all = items.withLock { items -> [ACMEChallenge]? in
      let count = items.count
      drop(&items)
      return items.count == count ? nil : items.values.map(\.challenge)
    }
    if let all { _ = proxy.answer(all) }
  }

  private func drop(_ items: inout [String: Item]) {
    let now = Date()
    items = items.filter { $0.value.until > now }
  }
}
