public import Foundation
internal import Proxy

extension Status {
  /// What the firewall saw: the proxy's side of it, and the kernel's, which drops who never gets so far.
  public struct Firewall: Codable, Sendable {
    public struct Source: Codable, Sendable, Equatable {
      /// Of an IPv6 client the first address of its /64.
      public let address: String
      /// Connections and requests that the proxy refused since it was started.
      public let refused: UInt64
      /// Packets that the kernel dropped, or would have in audit mode, since its last ten minutes without
      /// one; nil where it has noted none.
      public let dropped: UInt64?
      public let lastDroppedAt: Date?
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
      /// What is called dropped was counted, and let in.
      public let isAudit: Bool?
      /// How many sources it dropped in the last ten minutes; nil where nobody notes them.
      public let droppedSources: Int?
      /// It has no room for more: who comes new is dropped and not noted.
      public let isDroppedSourcesFull: Bool?
    }

    /// Nil without a policy, and where nobody can be asked.
    public let kernel: Kernel?
    /// Whom the kernel dropped most lately, and whom the proxy refused most since it was started: the first
    /// of the one, the first of the other, the second of the one, and so on.
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
    let refused = counts.map { (address: "\($0.key)", count: $0.value) }
      .sorted { ($1.count, $0.address) < ($0.count, $1.address) }
      .prefix(Self.sourceLimit).map { $0 }
    sources = Self.merged(refused, facts?.denials?.sources ?? [])
  }

  /// Both ordered, the most first.
  static func merged(
    _ refused: [(address: String, count: UInt64)], _ dropped: [FirewallFacts.Denials.Source]
  ) -> [Source] {
    let counts = Dictionary(refused, uniquingKeysWith: { first, _ in first })
    let drops = Dictionary(
      dropped.map { ($0.address, $0) }, uniquingKeysWith: { first, _ in first })
    var known: Set<String> = []
    var sources: [Source] = []
    for rank in 0..<max(refused.count, dropped.count) {
      let both = [
        dropped.indices.contains(rank) ? dropped[rank].address : nil,
        refused.indices.contains(rank) ? refused[rank].address : nil,
      ]
      for address in both.compactMap(\.self) where known.insert(address).inserted {
        let drop = drops[address]
        sources.append(
          Source(
            address: address, refused: counts[address] ?? 0, dropped: drop?.packets,
            lastDroppedAt: drop.map { Date(timeIntervalSince1970: Double($0.lastAt)) }))
      }
    }
    return sources
  }
}

extension Status.Firewall.Kernel {
  init(_ facts: FirewallFacts) {
    generation = facts.generation
    appliedAt = facts.appliedAt.map { Date(timeIntervalSince1970: Double($0)) }
    isPending = facts.isPending
    drift = facts.drift
    bans = facts.bans
    isAudit = facts.isAudit
    droppedSources = facts.denials?.count
    isDroppedSourcesFull = facts.denials?.isFull
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
