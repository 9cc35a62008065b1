import ArgumentParser
import Configuration

struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Know what can be configured.",
    subcommands: [ReferenceCommand.self])

  struct ReferenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "reference", abstract: "Every setting: its type, range, default and meaning.",
      discussion: """
        EXAMPLES
          gatehouse config reference | less
          gatehouse config reference --json | jq -r '.[].path'
        """)

    @Flag(help: "Print data instead of Markdown.")
    var json = false

    func run() throws { print(json ? Reference.json() : Reference.markdown()) }
  }
}
