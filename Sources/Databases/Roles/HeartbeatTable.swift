/// A table in which somebody at the primary writes the time, such as pt-heartbeat with `--utc`: a row for
/// each server that writes, with `ts` and `server_id`.
public struct HeartbeatTable: Sendable, Equatable {
  public var schema: String
  public var table: String

  /// Characters in each of the two names.
  public static let nameLimit = 64

  /// `schema.table`; nil where it is no such name.
  public init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy(Self.isName) else { return nil }
    schema = String(parts[0])
    table = String(parts[1])
  }

  /// Of every session that asks: `ts` may be a TIMESTAMP, which a session sees in its own zone.
  static let preparation = "SET time_zone='+00:00'"

  /// In the replica's own clock, in microseconds; no row where that server writes none.
  func statement(source: UInt32) -> String {
    "SELECT TIMESTAMPDIFF(MICROSECOND, ts, UTC_TIMESTAMP(6)) AS age FROM `\(schema)`.`\(table)` "
      + "WHERE server_id=\(source) ORDER BY ts DESC LIMIT 1"
  }

  /// Asks a replica how old the last heartbeat of its source is.
  func heartbeat(
    _ session: MySQLSession, source: UInt32, by deadline: Deadline
  ) throws(DatabaseError) -> Heartbeat {
    do throws(DatabaseError) {
      return heartbeat(try session.query(statement(source: source), by: deadline), source)
    } catch {
      // Anything else is a failed check.
      guard case .refused(let problem) = error.reason else { throw error }
      return .unknown("heartbeat: error \(problem.code): \(problem.message)\(advice(problem.code))")
    }
  }

  /// What to type where the table, or the right to read it, is missing.
  private func advice(_ code: Int) -> String {
    switch code {
    case 1044, 1142, 1143: "; the monitor's user needs: GRANT SELECT ON \(schema).\(table)"
    case 1049, 1146: "; at the primary: pt-heartbeat --create-table --utc --update"
    default: ""
    }
  }

  func heartbeat(_ answer: ResultTable, _ source: UInt32) -> Heartbeat {
    guard !answer.rows.isEmpty else {
      return .unknown(
        "heartbeat: \(schema).\(table) has no row of its primary (server_id \(source)): does "
          + "pt-heartbeat write there?")
    }
    guard let age = answer.cell("age").flatMap({ Int64($0) }) else {
      return .unknown("heartbeat: ts of server_id \(source) in \(schema).\(table) is no time")
    }
    guard age >= -Self.aheadLimit else {
      return .unknown(
        "heartbeat: \(-(age / 1_000_000)) s in the future: clocks differ, or pt-heartbeat runs "
          + "without --utc")
    }
    return .age(.microseconds(age))
  }

  /// Clocks that differ by less count as the same; in microseconds.
  private static let aheadLimit: Int64 = 2_000_000

  private static func isName(_ name: Substring) -> Bool {
    (1...nameLimit).contains(name.count)
      && name.utf8.allSatisfy {
        ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || (0x30...0x39).contains($0) || $0 == 0x5f
          || $0 == 0x2d
      }
  }
}
