import ArgumentParser
import Control
import Foundation

struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Who changed what of the running process.",
    discussion: """
      The last entries of audit.log in the state folder, attempts that were
      refused included. Nothing is ever taken out of it; rotate it as other logs.

      EXAMPLES
        gatehouse audit
        gatehouse audit --last 100 --json | jq '.[] | select(.outcome != "done")'
      """)

  @Option(help: "How many.")
  var last = 20

  @OptionGroup var options: SocketOptions

  func run() throws {
    let entries = try options.ask { try $0.audit(last: last) }
    print(options.json ? try jsonText(entries) : AuditText.table(entries))
  }
}

enum AuditText {
  static func table(_ entries: [AuditEntry]) -> String {
    gatehouse.table(
      ["AT", "WHO", "ROLE", "ACTION", "OF", "BEFORE", "AFTER", "REASON", "OUTCOME"],
      entries.map { one in
        [
          certTime(one.at), who(one), one.role, one.action,
          one.subject, one.before, one.after, one.reason, one.outcome,
        ].map { $0.isEmpty ? "-" : visible($0) }
      })
  }

  private static func who(_ entry: AuditEntry) -> String {
    if let address = entry.address { return "\(entry.user) (\(address))" }
    guard let uid = entry.uid, let pid = entry.pid else { return entry.user }
    return "\(entry.user) (\(uid), pid \(pid))"
  }

  /// Without what steers a terminal.
  static func visible(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map {
          switch $0.properties.generalCategory {
          case .control, .format, .lineSeparator, .paragraphSeparator: "?"
          default: $0
          }
        }))
  }
}
