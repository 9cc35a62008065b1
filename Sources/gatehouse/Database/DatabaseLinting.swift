import ArgumentParser
internal import Control
internal import Databases

/// `gatehouse db lint`: settings that lose data.
struct DatabaseLinting: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lint",
    abstract: "Settings of the servers that lose data, and what to write instead.",
    discussion: """
      Debian's defaults lose data when a primary dies, and let an old primary come
      back taking writes. Exit code 0: nothing found. 1: something to write into
      my.cnf. 2: a server could not be asked.
      """)

  @OptionGroup var options: DatabaseOptions

  private static let time = Duration.seconds(3)

  func run() throws {
    try DatabaseFailure.explained {
      let servers = try options.servers()
      let reports = servers.backend.servers.map { server in
        Report(server.name, DatabaseAddress(server), servers.monitor, servers.tls)
      }
      print(
        options.json
          ? try jsonText(reports)
          : reports.map(\.text).joined(separator: "\n\n"))
      if reports.contains(where: { $0.failure != nil }) { return .failed }
      return reports.contains { $0.findings.contains(where: \.sure) } ? .no : .success
    }
  }

  private struct Report: Encodable {
    struct Finding: Encodable {
      let variable: String
      let value: String
      let why: String
      let write: String
      let sure: Bool
    }

    let server: String
    var failure: String?
    var findings: [Finding] = []

    init(
      _ name: String, _ address: DatabaseAddress, _ login: DatabaseLogin, _ tls: DatabaseTLS?
    ) {
      server = name
      do throws(DatabaseError) {
        let session = try MySQLSession(to: address, as: login, over: tls, within: time)
        guard session.isMariaDB else {
          failure = "\(session.version): only MariaDB's settings are known"
          return
        }
        findings = try DatabaseLint.findings(session, within: time).map {
          Finding(
            variable: $0.variable, value: $0.value, why: $0.why, write: $0.write, sure: $0.isSure)
        }
        session.close()
      } catch {
        failure = error.description
      }
    }

    var text: String {
      if let failure { return "\(server): \(failure)" }
      guard !findings.isEmpty else { return "\(server): nothing found" }
      let rows = findings.map { [$0.sure ? "" : "?", "\($0.variable)=\($0.value)", $0.why] }
      return """
        \(server): \(findings.count) settings
        \(table([], rows.map { ["  "] + $0 }))
        write under [mariadbd] in its my.cnf, and restart it:
        \(findings.map { "  \($0.write)" }.joined(separator: "\n"))
        """
    }
  }
}
