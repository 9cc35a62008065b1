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
    let tls = tls(details)
    let heartbeat = heartbeat(details)
    guard let monitor else { return }
    var mysql = ProxyConfiguration.MySQL(monitor: monitor)
    mysql.admin = admin
    mysql.replication = replication
    mysql.lag = lag ?? mysql.lag
    mysql.tls = tls
    mysql.heartbeat = heartbeat
    backend.mysql = mysql
  }

  private static func tls(_ map: MapReader) -> ProxyConfiguration.MySQL.TLS? {
    guard let value = map[MySQLFields.tls] else { return nil }
    switch value.content {
    case .scalar("false"): return nil
    case .scalar("true"): return ProxyConfiguration.MySQL.TLS()
    case .map where value.unquotedAddress == nil: break
    case .scalar, .list, .nothing, .map: return map.refuse(value, MySQLFields.tls, "is wrong")
    }
    guard let details = map.section(MySQLFields.tls, MySQLFields.tlsSection) else { return nil }
    var tls = ProxyConfiguration.MySQL.TLS()
    tls.verify = details.boolean(UpstreamTLSFields.verify) ?? true
    tls.authoritiesPEM = BackendReader.authorities(details)
    if let value = details[MySQLFields.serverName],
      let text = details.text(MySQLFields.serverName)
    {
      tls.serverName =
        HostName.checked(text)
        ?? details.refuse(value, MySQLFields.serverName, "is no host name")
    }
    return tls
  }

  private static func heartbeat(_ map: MapReader) -> String? {
    guard let value = map[MySQLFields.heartbeat], let text = map.text(MySQLFields.heartbeat) else {
      return nil
    }
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ String($0).isName }) else {
      return map.refuse(value, MySQLFields.heartbeat, "is no table with its schema")
    }
    return text
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
