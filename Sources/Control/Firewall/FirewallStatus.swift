public import Foundation
internal import Proxy

extension Status {
  /// What the firewall saw: the proxy's side of it, and the kernel's, which drops who never gets so far.
  public struct Firewall: Codable, Sendable {
    public struct Source: Codable, Sendable, Equatable {
      /// Of an IPv6 client its /64.
      public let address: String
      public let refused: UInt64
    }

    /// The kernel's rules, as the agent or the kernel itself tells them.
    public struct Kernel: Codable, Sendable, Equatable {
      /// The applied policy's; 0 where none is in force.
      public let generation: UInt64
      public let appliedAt: Date?
      /// To be confirmed, or it goes back.
      public let isPending: Bool
      /// Places in which the kernel is not as applied.
      public let drift: Int
      public let bans: Int
      /// Packets; of what is accepted the first of each connection.
      public let accepted: UInt64
      public let dropped: UInt64
    }

    /// Nil without a policy, and where nobody can be asked.
    public let kernel: Kernel?
    /// Whom the proxy refused most often since the start, first.
    public let sources: [Source]
  }
}

extension Status.Firewall {
  static let sourceLimit = 20

  init(_ reports: [WorkerReport], _ facts: FirewallFacts?) {
    kernel = facts.map(Kernel.init)
    var counts: [IPAddress: UInt64] = [:]
    for source in reports.flatMap(\.refusedSources) {
      counts[source.address, default: 0] &+= source.count
    }
    sources = counts.map { Source(address: "\($0.key)", refused: $0.value) }
      .sorted { ($1.refused, $0.address) < ($0.refused, $1.address) }
      .prefix(Self.sourceLimit).map { $0 }
  }
}

extension Status.Firewall.Kernel {
  init(_ facts: FirewallFacts) {
    generation = facts.generation
    appliedAt = facts.appliedAt.map { Date(timeIntervalSince1970: Double($0)) }
    isPending = facts.isPending
    drift = facts.drift
    bans = facts.bans
    var (accepted, dropped): (UInt64, UInt64) = (0, 0)
    for counter in facts.counters {
      if Self.accepts(counter.name) {
        accepted &+= counter.packets
      } else {
        dropped &+= counter.packets
      }
    }
    self.accepted = accepted
    self.dropped = dropped
  }

  /// As the compiler names the counters of rules.
  private static func accepts(_ counter: String) -> Bool {
    counter == "r_management" || counter.hasSuffix("_allow") || counter.hasSuffix("_trusted")
  }
}
