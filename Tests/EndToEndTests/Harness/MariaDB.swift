import Databases
import Foundation
import Glibc

/// A real MariaDB server in a temporary folder, as Debian ships it, with its own port and socket.
final class MariaDB {
  let serverID: Int
  let port: UInt16
  private let folder: TemporaryFolder
  private var options: [String]
  /// Where it listens, and the namespace that it runs in.
  let host: String
  private let space: String?
  private var process: pid_t = 0
  private var watchdog: (process: pid_t, pipe: Int32)?

  /// Users of every server; none has the rights of another.
  static let admin = DatabaseLogin(user: "admin", password: "admin-secret")
  static let monitor = DatabaseLogin(user: "monitor", password: "monitor-secret")
  static let replication = DatabaseLogin(user: "repl", password: "repl-secret")
  /// May do everything, also where read_only stops others.
  static let owner = DatabaseLogin(user: "owner", password: "owner-secret")
  static let app = DatabaseLogin(user: "app", password: "app-secret")

  private static let startSeconds = 30

  /// Started and ready, with the users and an empty database `shop`, before any replication.
  init(
    id: Int, options: [String] = [], at host: String = "127.0.0.1", port: UInt16? = nil,
    inside space: String? = nil
  ) throws {
    serverID = id
    self.host = host
    self.space = space
    self.port = port ?? RawSocket.freePort()
    folder = try TemporaryFolder()
    self.options = options
    let copied = try run("cp", ["-a", try Self.template.get(), datadir])
    guard copied.status == 0 else { throw Gate.Failure(text: copied.standardError) }
    try start()
    try root(Self.users)
    // What every server did alone counts for nothing in replication.
    try root("RESET MASTER; SET GLOBAL gtid_slave_pos=''")
  }

  deinit { kill() }

  var address: DatabaseAddress { .loopback(port: port) }
  var log: String {
    (try? String(contentsOf: folder.url.appendingPathComponent("log"), encoding: .utf8)) ?? ""
  }

  // MARK: its life

  func start(_ more: [String] = []) throws {
    let arguments =
      [
        "--no-defaults", "--datadir=\(datadir)", "--socket=\(socket)", "--port=\(port)",
        "--bind-address=\(host)", "--pid-file=\(path("pid"))", "--log-error=\(path("log"))",
        "--server-id=\(serverID)", "--log-bin=bin", "--user=\(NSUserName())", "--skip-name-resolve",
        "--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M", "--key-buffer-size=1M",
        "--aria-pagecache-buffer-size=1M", "--performance-schema=OFF", "--slave-net-timeout=4",
        "--report-host=\(host)", "--report-port=\(port)", "--innodb-flush-log-at-trx-commit=2",
      ] + options + more
    let door = space.map { ["/usr/sbin/ip", "netns", "exec", $0] } ?? []
    process = try Self.spawn(door + ["/usr/sbin/mariadbd"] + arguments)
    try watch()
    for _ in 0..<(Self.startSeconds * 20) {
      if (try? session(Self.rootLogin, by: .unix(path: socket))) != nil { return }
      guard isRunning else { break }
      usleep(50_000)
    }
    throw Gate.Failure(text: "mariadbd did not start:\n\(log.suffix(4000))")
  }

  /// As a crash: no goodbye, nothing flushed.
  func kill() {
    guard process > 0 else { return }
    Glibc.kill(process, SIGKILL)
    var status: Int32 = 0
    _ = unsafe waitpid(process, &status, 0)
    process = 0
    unwatch()
  }

  /// Stopped with all its threads when this returns: one that still ran could answer once more.
  func freeze() {
    Glibc.kill(process, SIGSTOP)
    let tasks = "/proc/\(process)/task"
    for _ in 0..<1_000 {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []
      let isStopped = names.allSatisfy { name in
        let status = try? String(contentsOfFile: "\(tasks)/\(name)/status", encoding: .utf8)
        return status?.contains("State:\tT") ?? true
      }
      if isStopped { return }
      usleep(1_000)
    }
  }

  func thaw() { Glibc.kill(process, SIGCONT) }

  /// Killed, and started again with these options on top.
  func restart(_ more: [String] = []) throws {
    kill()
    try start(more)
  }

  var isRunning: Bool {
    guard process > 0 else { return false }
    var status: Int32 = 0
    guard unsafe waitpid(process, &status, WNOHANG) != 0 else { return true }
    process = 0
    return false
  }

  // MARK: what it is told

  /// Statements as root over its own socket, separated by `;`, whose last answer is returned.
  @discardableResult
  func root(_ statements: String) throws -> ResultTable {
    let session = try session(Self.rootLogin, by: .unix(path: socket))
    defer { session.close() }
    var answer = ResultTable()
    for statement in statements.split(separator: ";") {
      let text = statement.trimmingCharacters(in: .whitespacesAndNewlines)
      if !text.isEmpty { answer = try session.query(text, within: .seconds(20)) }
    }
    return answer
  }

  /// The first cell of an answer.
  func value(_ statement: String) throws -> String? { try root(statement).rows.first?.first ?? nil }

  func session(_ login: DatabaseLogin, by way: DatabaseAddress? = nil) throws -> MySQLSession {
    try MySQLSession(to: way ?? address, as: login, within: .seconds(5))
  }

  func follow(_ source: MariaDB) throws {
    try root(
      """
      CHANGE MASTER TO MASTER_HOST='\(source.host)', MASTER_PORT=\(source.port),
        MASTER_USER='\(Self.replication.user)', MASTER_PASSWORD='\(Self.replication.password)',
        MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=1;
      SET GLOBAL read_only=1; START SLAVE
      """)
  }

  /// Waits until it has applied everything that the other one has now, at most 20 s.
  func catchUp(with source: MariaDB) throws {
    let position = try source.value("SELECT @@global.gtid_binlog_pos") ?? ""
    guard try value("SELECT MASTER_GTID_WAIT('\(position)', 20)") == "0" else {
      throw Gate.Failure(text: "server \(serverID) did not reach \(position):\n\(log.suffix(2000))")
    }
  }

  /// A primary with its replicas, who have caught up; server IDs count from 1.
  static func cluster(_ count: Int, options: [String] = []) throws -> [MariaDB] {
    let servers = try (1...count).map { try MariaDB(id: $0, options: options) }
    for replica in servers.dropFirst() { try replica.follow(servers[0]) }
    try servers[0].root("CREATE DATABASE shop; CREATE TABLE shop.orders (n INT PRIMARY KEY)")
    for replica in servers.dropFirst() { try replica.catchUp(with: servers[0]) }
    return servers
  }

  // MARK: private

  private static let rootLogin = DatabaseLogin(user: "root", password: "")

  private var datadir: String { path("data") }
  private var socket: String { path("sock") }
  private func path(_ name: String) -> String { folder.url.appendingPathComponent(name).path }

  /// A shell that kills the server once the tests' own process is gone, however it ended.
  private func watch() throws {
    unwatch()
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { throw Gate.Failure(text: "no pipe: error \(errno)") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let words = ["/bin/sh", "-c", "read _; kill -9 \(process)"]
    watchdog = (try Self.spawn(words, input: ends[0]), ends[1])
    close(ends[0])
  }

  private func unwatch() {
    guard let watchdog else { return }
    self.watchdog = nil
    Glibc.kill(watchdog.process, SIGKILL)
    var status: Int32 = 0
    _ = unsafe waitpid(watchdog.process, &status, 0)
    close(watchdog.pipe)
  }

  private static let users = """
    SET sql_log_bin=0;
    CREATE USER 'admin'@'%' IDENTIFIED BY '\(admin.password)';
    GRANT RELOAD, PROCESS, READ_ONLY ADMIN, CONNECTION ADMIN, REPLICATION SLAVE ADMIN,
      REPLICA MONITOR, BINLOG MONITOR ON *.* TO 'admin'@'%';
    GRANT SELECT ON mysql.* TO 'admin'@'%';
    CREATE USER 'owner'@'%' IDENTIFIED BY '\(owner.password)';
    GRANT ALL ON *.* TO 'owner'@'%';
    CREATE USER 'monitor'@'%' IDENTIFIED BY '\(monitor.password)';
    GRANT REPLICA MONITOR, BINLOG MONITOR ON *.* TO 'monitor'@'%';
    CREATE USER 'repl'@'%' IDENTIFIED BY '\(replication.password)';
    GRANT REPLICATION SLAVE ON *.* TO 'repl'@'%';
    CREATE USER 'app'@'%' IDENTIFIED BY '\(app.password)';
    GRANT SELECT, INSERT, UPDATE, DELETE ON shop.* TO 'app'@'%'
    """

  /// A fresh data folder, made once per test run.
  private static let template = Result { () throws -> String in
    let folder = try TemporaryFolder()
    unsafe templateFolder = folder
    let data = folder.url.appendingPathComponent("data").path
    let made = try run(
      "mariadb-install-db",
      [
        "--no-defaults", "--datadir=\(data)", "--auth-root-authentication-method=normal",
        "--skip-test-db", "--user=\(NSUserName())", "--innodb-log-file-size=4M",
      ])
    guard made.status == 0 else {
      throw Gate.Failure(text: "mariadb-install-db: \(made.standardOutput)\(made.standardError)")
    }
    atexit { MariaDB.removeTemplate() }
    return data
  }
  private nonisolated(unsafe) static var templateFolder: TemporaryFolder?

  private static func removeTemplate() { unsafe templateFolder = nil }

  /// Not Foundation's, which keeps its children and their pipes to itself.
  private static func spawn(_ words: [String], input: Int32? = nil) throws -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    for number in [Int32(0), 1, 2] {
      unsafe posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0)
    }
    if let input { unsafe posix_spawn_file_actions_adddup2(&actions, input, 0) }
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    unsafe posix_spawnattr_setpgroup(&attributes, 0)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    let pointers = unsafe words.map { unsafe strdup($0) } + [nil]
    defer { for index in unsafe pointers.indices { unsafe free(pointers[index]) } }
    var child = pid_t()
    let code = unsafe posix_spawn(&child, words[0], &actions, &attributes, pointers, environ)
    guard code == 0 else { throw Gate.Failure(text: "cannot start \(words[0]): error \(code)") }
    return child
  }
}
