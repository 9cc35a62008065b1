/// The few connections whose TLS buffers are kept between records: those asked most often.
///
/// A ring: who comes in puts out who has been in longest. So the memory has a limit, however many
/// connections there are, and an idle crowd costs nothing.
struct WarmConnections {
  /// For each worker; 128 of 33 KiB are 4 MiB.
  static let limit = 128
  /// A connection comes in, if it is not in, with its second request and each sixteenth after that.
  private static let interval = 16

  private var ring: [SlotID?] = Array(repeating: nil, count: limit)
  private var next = 0

  static func comesIn(requestCount: Int) -> Bool { requestCount % interval == 2 }

  /// Takes it in, and says who goes out.
  mutating func insert(_ id: SlotID) -> SlotID? {
    let out = ring[next]
    ring[next] = id
    next = (next + 1) % Self.limit
    return out
  }
}
