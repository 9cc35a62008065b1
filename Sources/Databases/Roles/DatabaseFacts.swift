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
  }
}
