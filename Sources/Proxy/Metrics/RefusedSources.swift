/// Who was refused most, in bounded memory: of a flood from many addresses those that come most often stay
/// (Metwally and others, "space saving", 2005).
public struct RefusedSources: Sendable {
  /// One address, or the /64 of an IPv6 client.
  public struct Source: Sendable, Equatable {
    public let address: IPAddress
    /// At most so often: one that came late is told with what its place had counted.
    public internal(set) var count: UInt64
  }

  /// Sources at a time.
  static let limit = 64

  public private(set) var all: [Source] = []

  init() { all.reserveCapacity(Self.limit) }

  /// Touched where somebody is refused, never for who is let in.
  mutating func note(_ client: IPAddress) {
    let address = client.banned
    var least = 0
    for index in all.indices {
      if all[index].address == address {
        all[index].count &+= 1
        return
      }
      if all[index].count < all[least].count { least = index }
    }
    guard all.count >= Self.limit else { return all.append(Source(address: address, count: 1)) }
    all[least] = Source(address: address, count: all[least].count &+ 1)
  }
}
