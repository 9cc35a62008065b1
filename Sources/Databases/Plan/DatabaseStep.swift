/// One step of a plan: what it is for, what is typed where, and the way back.
public struct DatabaseStep: Sendable, Equatable {
  public enum Action: Sendable, Equatable {
    case execute([String])
    /// Of users whom read_only does not stop.
    case endPrivilegedSessions
    /// Locks all tables, and remembers the last transaction.
    case lock
    /// Waits until it has applied what the plan's other server had when it was locked.
    case reachLocked(of: String, seconds: Int)
    /// Waits until it has applied all that it has received.
    case applyReceived(seconds: Int)
    /// Refuses unless the other server has all that this one has.
    case compare(with: String)
    /// Begins where it is to replicate from there.
    case follow(host: String, port: UInt16, tls: ReplicationTLS?)
    /// Waits until both threads run.
    case watch(seconds: Int)
  }

  public var server: String
  public var purpose: String
  public var action: Action
  /// Statements that undo it, harmless where it was not done.
  public var wayBack: [String] = []
  /// From here on there is no way back: another server takes writes.
  public var isPointOfNoReturn = false
  /// A failure is told, and the rest is done.
  public var isOptional = false

  init(
    _ server: String, _ purpose: String, _ action: Action, wayBack: [String] = [],
    isPointOfNoReturn: Bool = false, isOptional: Bool = false
  ) {
    self.server = server
    self.purpose = purpose
    self.action = action
    self.wayBack = wayBack
    self.isPointOfNoReturn = isPointOfNoReturn
    self.isOptional = isOptional
  }

  /// The statements as they are shown: no password, and words where a value is not known yet.
  public var statements: [String] {
    switch action {
    case .execute(let statements): statements
    case .endPrivilegedSessions: ["KILL each session of users with READ ONLY ADMIN or SUPER"]
    case .lock: ["FLUSH TABLES WITH READ LOCK", "SELECT @@global.gtid_binlog_pos"]
    case .reachLocked(let other, let seconds):
      ["SELECT MASTER_GTID_WAIT('<gtid_binlog_pos of \(other)>', \(seconds))"]
    case .applyReceived(let seconds):
      [
        "START SLAVE SQL_THREAD", "STOP SLAVE IO_THREAD",
        "SELECT MASTER_GTID_WAIT('<its Gtid_IO_Pos>', \(seconds))",
      ]
    case .compare(let other): ["SELECT @@global.gtid_binlog_state -- against that of \(other)"]
    case .follow(let host, let port, let tls):
      [
        "STOP SLAVE", "SET GLOBAL gtid_slave_pos='<its gtid_current_pos>'",
        FollowStatement.text(host, port, tls, user: "<user>", password: "<password>"),
        "START SLAVE",
      ]
    case .watch: ["SHOW SLAVE STATUS -- until both threads run"]
    }
  }
}

/// What is to be done, or why not.
public enum DatabasePlan: Sendable, Equatable {
  case steps([DatabaseStep], notes: [String])
  /// All is as asked for already.
  case nothing(String)
  case refused([String])
}

enum FollowStatement {
  static func text(
    _ host: String, _ port: UInt16, _ tls: ReplicationTLS?, user: String, password: String
  ) -> String {
    "CHANGE MASTER TO MASTER_HOST=\(SQLText.quoted(host)), MASTER_PORT=\(port), "
      + "MASTER_USER=\(SQLText.quoted(user)), MASTER_PASSWORD=\(SQLText.quoted(password)), "
      + "MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=5, MASTER_HEARTBEAT_PERIOD=2"
      + (tls.map(text) ?? "")
  }

  private static func text(_ tls: ReplicationTLS) -> String {
    var text = ", MASTER_SSL=1"
    for (name, file) in [("CA", tls.ca), ("CERT", tls.certificate), ("KEY", tls.key)] {
      if !file.isEmpty { text += ", MASTER_SSL_\(name)=\(SQLText.quoted(file))" }
    }
    return tls.verifies ? text + ", MASTER_SSL_VERIFY_SERVER_CERT=1" : text
  }
}

enum SQLText {
  /// For a session whose sql_mode is empty: a backslash escapes there.
  static func quoted(_ text: String) -> String {
    "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "''") + "'"
  }
}
