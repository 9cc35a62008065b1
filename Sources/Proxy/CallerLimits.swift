/// Bounds for each of those who ask, where answers of this process say who they are: the admin doors.
///
/// A client is unknown until the first answer to him names a `caller`; on a Unix socket the kernel names
/// him at once. Where one too many comes, room is made, so that nobody is kept out by others who wait.
public struct CallerLimits: Sendable, Equatable {
  /// Connections of unknown clients at a time; the oldest makes room.
  public var unknown = 128
  /// The same of one address, of IPv6 of a /64.
  public var unknownPerSource = 32
  /// How long a client may stay unknown; then his connection is closed.
  public var unknownFor = Duration.seconds(10)
  /// Connections of one caller; the one that has been idle for longest makes room.
  public var connections = 64
  /// Connections of one caller over which he follows events; the next one is answered 429.
  public var eventStreams = 16

  public init() {}
}
