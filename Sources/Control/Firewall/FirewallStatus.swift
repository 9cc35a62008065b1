internal import Proxy

extension Status {
  /// What the proxy's side of the firewall saw; who is dropped by the kernel never reaches it.
  public struct Firewall: Codable, Sendable {
    public struct Source: Codable, Sendable, Equatable {
      /// Of an IPv6 client its /64.
      public let address: String
      public let refused: UInt64
    }

    /// Those that were refused most often since the start, first.
    public let sources: [Source]
  }
}

extension Status.Firewall {
  static let sourceLimit = 20

  init(_ reports: [WorkerReport]) {
    var counts: [IPAddress: UInt64] = [:]
    for source in reports.flatMap(\.refusedSources) {
      counts[source.address, default: 0] &+= source.count
    }
    sources = counts.map { Source(address: "\($0.key)", refused: $0.value) }
      .sorted { ($1.refused, $0.address) < ($0.refused, $1.address) }
      .prefix(Self.sourceLimit).map { $0 }
  }
}
