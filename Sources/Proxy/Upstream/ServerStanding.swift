/// Names a server of a backend.
public struct ServerID: Sendable, Hashable, Comparable, CustomStringConvertible {
  public let backend: String
  public let server: String

  public init(backend: String, server: String) {
    self.backend = backend
    self.server = server
  }

  public var description: String { "\(backend)/\(server)" }

  public static func < (a: ServerID, b: ServerID) -> Bool {
    (a.backend, a.server) < (b.backend, b.server)
  }
}

/// What a server does in its backend.
public enum ServerRole: String, Sendable, Hashable, Codable {
  /// The one that takes writes.
  case primary
  /// Takes reads.
  case replica
}

/// How one server is to be treated from now on: its file, overrides, health and role together. The
/// control thread says it; workers follow, and eject on top of it what fails under their own eyes.
public struct ServerStanding: Sendable, Hashable {
  /// What an administrator wants of it.
  public enum State: String, Sendable, Hashable, Codable {
    case ready
    /// Takes nothing new; what runs ends by itself.
    case drain
    /// As drain, and it is not checked either.
    case maint
  }

  /// In hundredths of the file's unit, so that a percentage of weight 1 is not lost: 0...25,600.
  public var weight: Int
  public var state: State
  /// False once its health check says so; an exchange that it still answers goes on.
  public var isHealthy: Bool
  /// It comes and goes too often: asked only where there is no other.
  public var isHeldOut: Bool
  /// Its tier is the one in use.
  public var isInUse: Bool
  /// Nil where servers have no roles, or this one has none now.
  public var role: ServerRole?

  public init(
    weight: Int = 100, state: State = .ready, isHealthy: Bool = true, isHeldOut: Bool = false,
    isInUse: Bool = true, role: ServerRole? = nil
  ) {
    self.weight = weight
    self.state = state
    self.isHealthy = isHealthy
    self.isHeldOut = isHeldOut
    self.isInUse = isInUse
    self.role = role
  }

  /// Of a server that nothing but the file has told of.
  public init(_ server: ProxyConfiguration.Server, isInUse: Bool) {
    self.init(weight: server.weight * 100, isInUse: isInUse, role: server.role)
  }
}
