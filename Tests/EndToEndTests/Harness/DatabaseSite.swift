import Databases
import Foundation
import Glibc

/// MariaDB servers `s1`, `s2` ... and a configuration with a backend `db` of them.
final class DatabaseSite {
  let servers: [MariaDB]
  let folder: TemporaryFolder
  let path: String

  /// `mysql`: more lines of that section.
  init(_ count: Int = 2, options: [String] = [], mysql: [String] = []) throws {
    servers = try MariaDB.cluster(count, options: options)
    folder = try TemporaryFolder()
    for login in [MariaDB.monitor, MariaDB.admin, MariaDB.replication] {
      let file = try folder.write("secrets/\(login.user)", login.password)
      _ = unsafe chmod(file, 0o600)
    }
    let lines = servers.enumerated().map {
      "      s\($0.offset + 1): { address: \"127.0.0.1:\($0.element.port)\" }"
    }
    path = try folder.write(
      "gatehouse.yaml",
      """
      listeners:
        http: { bind: "127.0.0.1:\(RawSocket.freePort())" }
      backends:
        db:
          servers:
      \(lines.joined(separator: "\n"))
          mysql:
            user: monitor
            password: secrets/monitor
            admin: { user: admin, password: secrets/admin }
            replication: { user: repl, password: secrets/repl }
      \(mysql.map { "      " + $0 }.joined(separator: "\n"))

      """)
  }

  /// `gatehouse db ARGUMENTS -c FILE`.
  func db(_ arguments: String..., seconds: Double = 90) throws -> Output {
    try run(Place.gatehouse, ["db"] + arguments + ["-c", path], seconds: seconds)
  }

  /// Rows of `shop.orders`, in order.
  func orders(_ server: Int) throws -> [Int] {
    var orders: [Int] = []
    // In parts: writers may have made more rows than a session takes in one answer.
    while true {
      let after = orders.last.map { "WHERE n > \($0) " } ?? ""
      let part = try servers[server].root(
        "SELECT n FROM shop.orders \(after)ORDER BY n LIMIT 10000"
      ).rows.compactMap { $0.first?.flatMap { Int($0) } }
      guard !part.isEmpty else { return orders }
      orders += part
    }
  }

  func insert(_ number: Int, at server: Int) throws {
    try servers[server].root("INSERT INTO shop.orders VALUES (\(number))")
  }
}
