import Proxy

/// Reads `mysql` of a backend.
enum MySQLReader {
  private static let userLimit = 80

  static func read(_ map: MapReader, _ backend: inout ProxyConfiguration.Backend) {
    guard let details = map.section(MySQLFields.mysql, MySQLFields.section) else { return }
    let monitor = account(details)
    let admin = details.section(MySQLFields.admin, MySQLFields.adminSection).flatMap(account)
    let replication = details.section(MySQLFields.replication, MySQLFields.replicationSection)
      .flatMap(account)
    let lag = details.duration(MySQLFields.lag)
    guard let monitor else { return }
    var mysql = ProxyConfiguration.MySQL(monitor: monitor)
    mysql.admin = admin
    mysql.replication = replication
    mysql.lag = lag ?? mysql.lag
    backend.mysql = mysql
  }

  private static func account(_ map: MapReader) -> ProxyConfiguration.MySQL.Account? {
    let user = user(map)
    guard let path = map.path(AccountFields.password) else { return nil }
    do throws(PasswordFile.Failure) {
      _ = try PasswordFile.read(path)
    } catch {
      map.problems.error(
        map[AccountFields.password]?.place ?? map.place, "password\(map.inLabel): \(error.text)")
      return nil
    }
    return user.map { ProxyConfiguration.MySQL.Account(user: $0, passwordFile: path) }
  }

  private static func user(_ map: MapReader) -> String? {
    guard let value = map[AccountFields.user], let text = map.text(AccountFields.user) else {
      return nil
    }
    let isClean = text.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value != 127 }
    guard isClean, (1...userLimit).contains(text.utf8.count) else {
      return map.refuse(value, AccountFields.user, "is no user of a database")
    }
    return text
  }
}
