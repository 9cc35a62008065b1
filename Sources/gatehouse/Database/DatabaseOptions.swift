import ArgumentParser
internal import Configuration
internal import Control
internal import Databases
internal import Foundation
internal import Proxy

/// What every `db` command takes.
struct DatabaseOptions: ParsableArguments {
  @Argument(help: "The backend; the only one with `mysql` when left out.")
  var backend: String?

  @Option(name: .shortAndLong, help: "The configuration file.")
  var config = "/etc/gatehouse/gatehouse.yaml"

  @Flag(help: "Print the same facts as JSON.")
  var json = false

  func servers() throws -> DatabaseServers {
    let loaded: LoadedConfiguration
    do {
      loaded = try ConfigurationFile.load(config)
    } catch {
      throw DatabaseFailure(error.lines.first ?? "\(error)")
    }
    let all = loaded.proxy.backends.filter { $0.mysql != nil }
    let found = backend.map { name in all.filter { $0.name == name } } ?? all
    guard let first = found.first, let mysql = first.mysql, found.count == 1 else {
      let names = all.map(\.name).joined(separator: ", ")
      let have = all.isEmpty ? "no backend has `mysql`" : "backends with `mysql`: \(names)"
      throw DatabaseFailure(
        backend.map { "\($0) is no backend with `mysql` in \(config); \(have)" }
          ?? "which backend? \(have) in \(config)")
    }
    return try DatabaseServers(first, mysql)
  }
}

/// The servers of one backend, and who logs in.
struct DatabaseServers {
  let backend: ProxyConfiguration.Backend
  let lagLimit: Duration
  let monitor: DatabaseLogin
  let admin: DatabaseLogin
  let replication: DatabaseLogin?
  let tls: DatabaseTLS?
  private let heartbeat: HeartbeatTable?

  /// Of a person who waits, for one server.
  private static let probeTime = Duration.seconds(2)

  init(_ backend: ProxyConfiguration.Backend, _ mysql: ProxyConfiguration.MySQL) throws {
    self.backend = backend
    lagLimit = mysql.lag
    tls = mysql.tls.map { DatabaseTLS($0) }
    heartbeat = mysql.heartbeat.flatMap(HeartbeatTable.init)
    do throws(PasswordFile.Failure) {
      monitor = try DatabaseLogin(mysql.monitor)
      admin =
        try mysql.admin.map { account throws(PasswordFile.Failure) in
          try DatabaseLogin(account)
        } ?? monitor
      replication = try mysql.replication.map { account throws(PasswordFile.Failure) in
        try DatabaseLogin(account)
      }
    } catch {
      throw DatabaseFailure(error.text)
    }
  }

  var addresses: [String: DatabaseAddress] {
    Dictionary(backend.servers.map { ($0.name, DatabaseAddress($0)) }) { first, _ in first }
  }

  /// Asks each of them, as the health check does.
  func cluster() -> DatabaseCluster {
    let members = backend.servers.map { server in
      DatabaseCluster.Member(
        name: server.name, host: Self.host(server), port: server.address.port,
        outcome: outcome(server))
    }
    return DatabaseCluster(
      DatabaseCluster.askedAgain(members) { outcome(backend.servers[$0]) }, lagLimit: lagLimit,
      isOverTLS: tls != nil)
  }

  private func outcome(_ server: ProxyConfiguration.Server) -> ProbeOutcome {
    RoleProbe(
      address: DatabaseAddress(server), user: monitor.user, password: monitor.password, over: tls,
      heartbeat: heartbeat, timeout: Self.probeTime
    ).check()
  }

  /// What replicas are told: a name where the file has one, so that it may move.
  private static func host(_ server: ProxyConfiguration.Server) -> String {
    if let name = server.hostName { return name }
    return switch server.address {
    case .ipv4(let bits, _): IPAddress.ipv4(bits).description
    case .ipv6(let bits, _): IPAddress.ipv6(bits).description
    case .unix: "localhost"
    }
  }
}

/// Why a `db` command stopped: a line each, and exit code 2.
struct DatabaseFailure: Error {
  let reasons: [String]

  init(_ reason: String) { reasons = [reason] }
  init(_ reasons: [String]) { self.reasons = reasons }

  static func explained(_ body: () throws -> ExitCode) throws {
    do {
      let code = try body()
      if code != .success { throw code }
    } catch let failure as DatabaseFailure {
      tellFailure(ConfigurationErrors(lines: failure.reasons.map { "gatehouse db: \($0)" }))
      throw ExitCode.failed
    }
  }

  static func tell(_ line: String) {
    FileHandle.standardError.write(Data("\(line)\n".utf8))
  }
}
