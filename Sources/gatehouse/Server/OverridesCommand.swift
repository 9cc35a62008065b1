import ArgumentParser
import Configuration
import Control
import Foundation
import Proxy

struct OverridesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "overrides", abstract: "What was changed while running, beside the file.",
    discussion: """
      EXAMPLES
        gatehouse overrides list
        gatehouse overrides clear web/s1.weight
        gatehouse overrides save              what to put into the file
        gatehouse overrides save --write      put it there, keeping the file as it was beside

      An override stays until it is cleared or ends, over an apply and a restart.
      Where the file is changed to something else meanwhile, that is a CONFLICT: the
      override still stays, and is shown with both values. Where the file comes to
      say the same, the override is cleared.
      """, subcommands: [OverridesList.self, OverridesClear.self, OverridesSave.self])
}

struct OverridesList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Configured, overridden and effective values.",
    discussion: """
      EXAMPLES
        gatehouse overrides list

      Exit code 0: no conflict. 1: the file contradicts one, or overrides could not
      be read or kept.
      """)

  @OptionGroup var options: SocketOptions

  func run() throws {
    let list = try options.ask { try $0.overrides() }
    if options.json {
      print(try jsonText(list))
    } else if list.overrides.isEmpty {
      print("no overrides: all is as the file says")
    } else {
      print(OverrideText.table(list.overrides))
    }
    for trouble in list.troubles { report(CommandFailure(trouble)) }
    if !list.troubles.isEmpty || list.overrides.contains(where: { $0.conflictSince != nil }) {
      throw ExitCode.no
    }
  }
}

struct OverridesClear: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "clear", abstract: "Let the file hold again.",
    discussion: """
      EXAMPLES
        gatehouse overrides clear web/s1.weight   one
        gatehouse overrides clear web/s1          all of a server
        gatehouse overrides clear --all
      """)

  @Argument(help: "BACKEND/SERVER.KEY as `overrides list` prints it, or BACKEND/SERVER.")
  var key: String?

  @Flag(help: "Every override there is.")
  var all = false

  @OptionGroup var options: SocketOptions

  func validate() throws {
    guard all != (key != nil) else {
      throw ValidationError("name one, such as web/s1.weight, or give --all")
    }
    if let key, Self.parse(key) == nil {
      throw ValidationError("\"\(key)\" is not BACKEND/SERVER or BACKEND/SERVER.KEY")
    }
  }

  func run() throws {
    let parsed = key.flatMap(Self.parse)
    let left = try options.ask { try $0.clearOverrides(parsed?.id, parsed?.key) }
    guard !options.json else { return print(try jsonText(left)) }
    print("cleared \(key ?? "all"); \(left.overrides.count) override(s) left")
  }

  /// Names of servers have no dots.
  static func parse(_ text: String) -> (id: ServerID, key: ServerOverride.Key?)? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let id = ServerID(argument: String(parts[0])) else {
      return nil
    }
    guard parts.count == 2 else { return (id, nil) }
    return ServerOverride.Key(rawValue: String(parts[1])).map { (id, $0) }
  }
}
