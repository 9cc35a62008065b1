import ArgumentParser
import Configuration
import Control
import Foundation
import Proxy

struct OverridesSave: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "save", abstract: "What to put into the file, so that it says what holds now.",
    discussion: """
      Prints the lines that would change; comments, order and spaces stay. A state
      (drain, maint) is no setting of a file, and what has an end is left to it.

      EXAMPLES
        gatehouse overrides save
        gatehouse overrides save --write && gatehouse apply

      With --write the file as it was is kept beside it. After the next apply, what
      the file says now is cleared from the overrides by itself.

      Exit code 0: all is, or would be, in the file. 1: something is to be written by
      hand; it says what. 2: failed; nothing was written.
      """)

  @Flag(help: "Write the file, keeping it as it was beside.")
  var write = false

  @OptionGroup var options: SocketOptions

  private struct Result: Encodable {
    let file: String
    let changes: [String]
    let byHand: [String]
    let backup: String?
  }

  func run() throws {
    let (path, list) = try options.ask { client in
      (try client.status().configurationPath, try client.overrides().overrides)
    }
    var byHand: [String] = []
    var wishes: [(server: ServerID, wish: ServerEdits.Wish)] = []
    for one in list {
      let id = ServerID(backend: one.backend, server: one.server)
      switch Self.wish(one) {
      case .success(let wish): wishes.append((id, wish))
      case .failure(let why): byHand.append("\(one.name): \(why.text)")
      }
    }
    let edits = try ServerEdits(path: path, wishes)
    let backup = write && edits.text != edits.before ? try edits.write(at: Date()) : nil
    byHand += edits.undone.map { "\($0.server): \($0.why)" }
    let result = Result(file: path, changes: edits.changes, byHand: byHand, backup: backup)
    print(options.json ? try jsonText(result) : Self.text(of: result, isWritten: backup != nil))
    if !byHand.isEmpty { throw ExitCode.no }
  }

  private static func text(of result: Result, isWritten: Bool) -> String {
    var lines: [String] = []
    if result.changes.isEmpty {
      lines.append("nothing to change in \(result.file)")
    } else {
      lines.append("\(result.file)\(isWritten ? "" : ", if it were written with --write")")
      lines += result.changes
    }
    if let backup = result.backup {
      lines.append("as it was: \(backup); put it to work with: gatehouse apply")
    }
    if !result.byHand.isEmpty { lines += ["not done here:"] + result.byHand.map { "  \($0)" } }
    return lines.joined(separator: "\n")
  }

  private struct NotHere: Error { let text: String }

  private static func wish(_ one: OverrideStatus) -> Swift.Result<ServerEdits.Wish, NotHere> {
    if let end = one.ends {
      return .failure(NotHere(text: "it ends by itself at \(certTime(end))"))
    }
    switch one.key {
    case .state: return .failure(NotHere(text: "a state is no setting of the file; it stays"))
    case .removed: return .success(.removed)
    case .added:
      guard let server = one.added else { return .failure(NotHere(text: "not known")) }
      return .success(
        .added(
          address: server.address, weight: server.weight, tier: server.tier, role: server.role))
    case .weight:
      switch WeightChange(one.overridden) {
      case .absolute(let weight): return .success(.weight(weight))
      case .percent(let share):
        let hundredths = (one.configured.flatMap { Int($0) } ?? 0) * share
        guard hundredths % 100 == 0 else {
          return .failure(
            NotHere(text: "\(one.overridden) of \(one.configured ?? "?") is not whole"))
        }
        return .success(.weight(hundredths / 100))
      case nil: return .failure(NotHere(text: "\(one.overridden) is no weight"))
      }
    }
  }
}
