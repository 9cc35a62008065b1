import Control
import Firewall
import Foundation

/// Whom the kernel dropped most in the last ten minutes, as a person reads it.
struct DroppedText {
  private let most: [(address: String, packets: UInt64, secondsAgo: Int)]
  private let count: Int
  private let isFull: Bool
  private let isAudit: Bool

  /// Nil where the process could not ask.
  init?(_ firewall: Status.Firewall) {
    guard let kernel = firewall.kernel, let count = kernel.droppedSources else { return nil }
    most = firewall.droppedMost.map { source in
      let age = source.lastDroppedAt.map { -$0.timeIntervalSinceNow } ?? 0
      return (source.address, source.dropped ?? 0, Int(max(0, min(age, 1e9))))
    }
    self.count = count
    isFull = kernel.isDroppedSourcesFull ?? false
    isAudit = kernel.isAudit ?? false
  }

  init(_ denials: KernelDenials, isAudit: Bool) {
    most = denials.sources.map { ("\($0.address)", $0.packets, Int(clamping: $0.secondsAgo)) }
    count = denials.count
    isFull = denials.isFull
    self.isAudit = isAudit
  }

  /// None where nobody was dropped.
  var lines: [String] {
    guard count > 0 else { return [] }
    let list = most.prefix(StatusText.sourceLimit).map {
      "\($0.address) \($0.packets) (\($0.secondsAgo) s ago)"
    }
    let what = isAudit ? "audit     would be dropped" : "dropped   by the kernel"
    let full = isFull ? "; no room for more, others are dropped without a note" : ""
    return [
      "\(what) most: \(list.joined(separator: ", "))",
      "          \(count) source(s) in 10 minutes\(full)",
    ]
  }

  /// The same in a few words.
  func short(_ limit: Int) -> String? {
    guard count > 0 else { return nil }
    let list = most.prefix(limit).map { "\($0.address) \($0.packets)" }
    let what = isAudit ? "would be dropped most" : "dropped most"
    return "\(what) of \(count)\(isFull ? "+" : "") source(s): \(list.joined(separator: ", "))"
  }
}

extension Status.Firewall {
  /// The most packets first.
  var droppedMost: [Source] {
    sources.filter { $0.dropped != nil }.sorted { ($0.dropped ?? 0) > ($1.dropped ?? 0) }
  }

  /// By the proxy, most often first.
  var refusedMost: [Source] {
    sources.filter { $0.refused > 0 }.sorted { $0.refused > $1.refused }
  }
}
