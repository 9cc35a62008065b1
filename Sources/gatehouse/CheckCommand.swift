import ArgumentParser
import Configuration
import Control
import Foundation

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Everything that an apply would check; nothing changes.",
    discussion: """
      `gatehouse -t -c FILE` is the same.

      EXAMPLES
        gatehouse check -c gatehouse.yaml
        gatehouse check -c gatehouse.yaml --json | jq -r '.errors[]'

      Exit code 0: good. 1: good, with warnings. 2: errors.
      """)

  @OptionGroup var file: ConfigurationOption

  @Flag(help: "Print data instead of lines.")
  var json = false

  func run() throws {
    var errors: [String] = []
    var warnings: [String] = []
    do {
      let loaded = try ConfigurationFile.load(file.config)
      warnings = loaded.warnings
      try Supervisor.check(loaded)
    } catch {
      errors = (error as? ConfigurationErrors)?.lines ?? ["\(error)"]
    }
    if json {
      print(try jsonText(Result(file: file.config, errors: errors, warnings: warnings)))
    } else {
      for line in errors + warnings { print(line) }
      print(verdict(errors: errors.count, warnings: warnings.count))
    }
    if !errors.isEmpty { throw ExitCode.failed }
    if !warnings.isEmpty { throw ExitCode.no }
  }

  private struct Result: Encodable {
    let file: String
    let errors, warnings: [String]
  }

  private func verdict(errors: Int, warnings: Int) -> String {
    guard errors == 0 else {
      return "\(file.config): \(errors) error\(errors == 1 ? "" : "s"); it would not be applied"
    }
    return warnings == 0
      ? "\(file.config): good"
      : "\(file.config): good, with \(warnings) warning\(warnings == 1 ? "" : "s")"
  }
}
