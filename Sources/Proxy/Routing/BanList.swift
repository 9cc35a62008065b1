/// Who is banned from this worker's listeners, and until when; bounded, and as fast when full.
struct BanList {
  /// More than this at a time: those that end first make room.
  static let limit = 65_536

  /// Ends in Unix time in seconds; of an IPv6 client, his /64 is banned.
  private var ends: [IPAddress: Int64] = [:]

  var isEmpty: Bool { ends.isEmpty }

  mutating func add(_ client: IPAddress, until: Int64, at now: Int64) {
    if ends.count >= Self.limit { makeRoom(at: now) }
    ends[client.banned] = until
  }

  mutating func remove(_ client: IPAddress) { ends[client.banned] = nil }

  func covers(_ client: IPAddress, at now: Int64) -> Bool { end(of: client, at: now) != nil }

  /// Nil for who is not banned.
  func end(of client: IPAddress, at now: Int64) -> Int64? {
    guard let until = ends[client.banned], until > now else { return nil }
    return until
  }

  /// A tenth at once, so that each ban of a full list costs little.
  private mutating func makeRoom(at now: Int64) {
    ends = ends.filter { $0.value > now }
    guard ends.count >= Self.limit else { return }
    let sorted = ends.values.sorted()
    let border = sorted[Self.limit / 10]
    ends = ends.filter { $0.value > border }
    // All end at once: there is no first among them.
    if ends.count >= Self.limit { ends.removeAll() }
  }
}

extension IPAddress {
  /// What is banned for a client: his address, or the /64 that an IPv6 client chooses his from.
  public var banned: IPAddress {
    switch self {
    case .ipv4: self
    case .ipv6(let bits): .ipv6(bits & (UInt128.max << 64))
    }
  }
}
