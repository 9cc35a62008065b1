import ArgumentParser
import Control
import Foundation

struct StatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stat", abstract: "Listeners, backends and servers as HAProxy's tools read them.",
    discussion: """
      Prints what HAProxy 2.6 prints to `show stat`, column by column; what has no
      counterpart here is empty. For hatop and the HAProxy exporter, which want a
      socket: `admin: { haproxy_socket: /run/gatehouse/haproxy.sock }`.

      EXAMPLES
        gatehouse stat --csv | cut -d, -f1,2,18 | column -ts,
        hatop -s /run/gatehouse/haproxy.sock
      """)

  @Flag(help: "As CSV; there is no other form.")
  var csv = false

  @OptionGroup var options: SocketOptions

  func run() throws {
    let text = try options.ask { try $0.haproxyTable() }
    guard options.json else { return print(text, terminator: "") }
    print(try jsonText(Self.rows(text)))
  }

  /// By the names of the columns; empty fields are left out.
  private static func rows(_ text: String) -> [[String: String]] {
    let lines = text.split(separator: "\n").map(Self.fields)
    guard var header = lines.first else { return [] }
    header[0] = String(header[0].drop { $0 == "#" || $0 == " " })
    return lines.dropFirst().map { line in
      Dictionary(zip(header, line).filter { !$0.isEmpty && !$1.isEmpty }) { first, _ in first }
    }
  }

  /// Of one line, with quotes as RFC 4180 has them.
  private static func fields(_ line: Substring) -> [String] {
    var (fields, isQuoted) = ([""], false)
    for character in line {
      switch character {
      case "\"": isQuoted.toggle()
      case "," where !isQuoted: fields.append("")
      default: fields[fields.count - 1].append(character)
      }
    }
    return fields
  }
}
