import ArgumentParser
internal import Control
internal import Databases

/// `gatehouse db status`: who is what, and why.
struct DatabaseStatus: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Who takes the writes, who is a replica, how far behind, and why.",
    discussion: """
      Exit code 0: one server takes the writes and every other one is a replica.
      1: it is otherwise. 2: the configuration cannot be read.
      """)

  @OptionGroup var options: DatabaseOptions

  func run() throws {
    try DatabaseFailure.explained {
      let servers = try options.servers()
      let report = DatabaseReport(servers.backend.name, servers.cluster())
      print(options.json ? try jsonText(report) : report.text)
      return report.isGood ? .success : .no
    }
  }
}

/// A backend's servers as `db status` prints them.
struct DatabaseReport: Encodable {
  struct Server: Encodable {
    let name: String
    let address: String
    let role: DatabaseRole
    let why: String
    let version: String?
    let serverId: UInt32?
    let readOnly: Bool?
    let gtid: String?
    let source: String?
    let lagSeconds: Int64?
    let receiver: String?
    let applier: String?
    let tookMilliseconds: Int64

    var row: [String] {
      let isReadOnly = readOnly.map { $0 ? "yes" : "no" }
      let lag = lagSeconds.map { "\($0) s" }
      let threads = receiver.map { "\($0)/\(applier ?? "-")" }
      return [
        name, address, role.rawValue, isReadOnly ?? "-", gtid ?? "-", lag ?? "-", threads ?? "-",
        why,
      ]
    }
  }

  let backend: String
  /// Nil where there is none, or more than one.
  let writer: String?
  let verdict: String
  let warnings: [String]
  let servers: [Server]

  init(_ backend: String, _ cluster: DatabaseCluster) {
    self.backend = backend
    verdict = cluster.verdict.reason
    warnings = cluster.verdict.warnings
    if case .one(let name) = cluster.verdict.writer { writer = name } else { writer = nil }
    servers = cluster.members.map { Server($0, cluster.verdict(of: $0)) }
  }

  var isGood: Bool {
    writer != nil && warnings.isEmpty
      && servers.allSatisfy { [.primary, .replica].contains($0.role) }
  }

  var text: String {
    let rows = servers.map(\.row)
    let header = ["SERVER", "ADDRESS", "ROLE", "READ_ONLY", "GTID", "LAG", "IO/SQL", "WHY"]
    let lines = ["\(backend): \(verdict)"] + warnings.map { "warning: \($0)" }
    return (lines + ["", table(header, rows)]).joined(separator: "\n")
  }
}

extension DatabaseReport.Server {
  fileprivate init(_ member: DatabaseCluster.Member, _ verdict: DatabaseVerdict?) {
    let facts = member.facts
    let replication = facts?.replication
    name = member.name
    address = "\(member.host):\(member.port)"
    role = verdict?.role ?? .unknown
    why = verdict?.reason ?? ""
    version = facts?.version
    serverId = facts?.serverID
    readOnly = facts?.isReadOnly
    gtid = facts.map { $0.position.isEmpty ? "none" : $0.position }
    source = replication.map { "\($0.sourceHost):\($0.sourcePort)" }
    lagSeconds = replication?.knownLag?.components.seconds
    receiver = replication.map {
      switch $0.receiver {
      case .running: "yes"
      case .connecting: "connecting"
      case .stopped: "no"
      }
    }
    applier = replication.map { $0.isApplying ? "yes" : "no" }
    let (seconds, fraction) = member.outcome.took.components
    tookMilliseconds = seconds * 1_000 + fraction / 1_000_000_000_000_000
  }
}
