/// What one server said of itself in one check.
public struct DatabaseFacts: Sendable, Equatable {
  public var version: String
  public var isMariaDB: Bool
  public var serverID: UInt32
  public var isReadOnly: Bool
  /// The last transaction: MariaDB's `gtid_current_pos`, MySQL's `gtid_executed`.
  public var position: String
  /// What its binlog holds of each server, and what it applied as a replica; MariaDB's only.
  public var binlogState = ""
  public var slavePosition = ""
  /// Nil where it is nobody's replica.
  public var replication: Replication?

  public init(
    version: String, isMariaDB: Bool = true, serverID: UInt32, isReadOnly: Bool, position: String,
    replication: Replication? = nil
  ) {
    self.version = version
    self.isMariaDB = isMariaDB
    self.serverID = serverID
    self.isReadOnly = isReadOnly
    self.position = position
    self.replication = replication
  }

  /// A replica's two threads.
  public struct Replication: Sendable, Equatable {
    public enum Receiver: String, Sendable {
      case running, connecting, stopped
    }

    public var sourceHost: String
    public var sourcePort: UInt16
    /// 0 until it was connected.
    public var sourceServerID: UInt32 = 0
    public var receiver: Receiver
    public var isApplying: Bool
    /// Nil where the server does not know; then it may be any.
    public var lag: Duration?
    public var usesGTID = true
    /// How its receiver speaks to its source.
    public var tls: ReplicationTLS?
    /// Nil where no table of heartbeats is asked.
    public var heartbeat: Heartbeat?
    /// What it has received, where MariaDB tells.
    public var receivedPosition = ""
    /// Code and words of the last error of either thread.
    public var receiverError: ServerError?
    public var applierError: ServerError?

    public init(
      sourceHost: String, sourcePort: UInt16, receiver: Receiver, isApplying: Bool, lag: Duration?
    ) {
      self.sourceHost = sourceHost
      self.sourcePort = sourcePort
      self.receiver = receiver
      self.isApplying = isApplying
      self.lag = lag
    }

    /// How far behind as far as it is known: by the heartbeat alone where one is asked for.
    public var knownLag: Duration? {
      switch heartbeat {
      case .age(let age)?: max(.zero, age)
      case .unknown?: nil
      case nil: lag
      }
    }

    /// It goes on as if all were well, and hears nothing new: its primary is frozen, or nobody
    /// writes heartbeats there.
    public func hearsNothing(_ limit: Duration) -> Bool {
      guard receiver == .running, isApplying, case .age(let age)? = heartbeat, age > limit,
        let lag
      else { return false }
      return lag <= limit
    }
  }
}

/// What the table of heartbeats says of the source.
public enum Heartbeat: Sendable, Equatable {
  /// The replica's clock less the time of the last heartbeat that it has applied; below zero where
  /// clocks differ.
  case age(Duration)
  /// Why it cannot be known, and what to type.
  case unknown(String)
}

/// How a replica speaks to its source over TLS, as it was told; files are the replica's own.
public struct ReplicationTLS: Sendable, Equatable {
  public var ca = ""
  public var certificate = ""
  public var key = ""
  public var verifies = false

  public init() {}
}
