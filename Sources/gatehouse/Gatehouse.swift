import ArgumentParser
import Control
import Foundation

@main
struct Gatehouse: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gatehouse",
    abstract: "One program at the edge: it ends TLS, balances requests, and keeps others out.",
    discussion: """
      BEGIN
        gatehouse demo                      try it, with nothing set up
        gatehouse cert dev                  a development certificate in certs/
        gatehouse check -c gatehouse.yaml   what is wrong, before it is applied
        gatehouse run -c gatehouse.yaml     serve; SIGHUP applies the file anew
        gatehouse status                    what the running process does

      Exit code 0: done. 1: done with warnings, or the answer is no. 2: refused
      or failed. 3: unknown.
      """,
    version: "gatehouse \(Version.current)",
    subcommands: [
      RunCommand.self, CheckCommand.self, ApplyCommand.self, StatusCommand.self, TopCommand.self,
      EventsCommand.self, WhyCommand.self, ExplainCommand.self, StatCommand.self,
      ServerCommand.self, DrainCommand.self, OverridesCommand.self, AuditCommand.self,
      PolicyCommand.self, BanCommand.self, AllowCommand.self,
      PanicCommand.self, AgentCommand.self, CertCommand.self, CaCommand.self, DatabaseCommand.self,
      ConfigCommand.self,
      DemoCommand.self,
    ])

  /// As the library's, but a wrong command line is exit code 2 here, and what went wrong is told as data
  /// where data was asked for.
  static func main() {
    do {
      var command = try parseAsRoot(Self.arguments)
      try command.run()
    } catch let code as ExitCode {
      Foundation.exit(code.rawValue)
    } catch {
      switch exitCode(for: error) {
      case .success:
        print(fullMessage(for: error))
      case .validationFailure:
        let guess = meant.map { "\nDid you mean '\($0)'?" } ?? ""
        let text = isForData ? message(for: error) : fullMessage(for: error)
        tellFailure(CommandFailure(text + guess))
        Foundation.exit(ExitCode.failed.rawValue)
      default:
        tellFailure(error)
        Foundation.exit(((error as? CommandFailure)?.code ?? .failed).rawValue)
      }
    }
  }

  /// The command that is nearest to one that there is not, with those before it; nil where all are known.
  private static var meant: String? {
    var command: any ParsableCommand.Type = Self.self
    var path: [String] = []
    for word in arguments {
      let all = command.configuration.subcommands
      guard !all.isEmpty, !word.hasPrefix("-") else { return nil }
      guard let next = all.first(where: { $0.configuration.commandName == word }) else {
        // Not by a key path: over a type of types, the compiler (6.3.1) crashes.
        let names = all.compactMap { one in one.configuration.commandName.map { ($0, $0) } }
        return Nearest.word(to: word, of: names).map { (path + [$0]).joined(separator: " ") }
      }
      command = next
      path.append(word)
    }
    return nil
  }

  /// `gatehouse -t -c FILE` is `gatehouse check -c FILE`, as nginx's users type it; and the state `--`
  /// is no end of options.
  private static var arguments: [String] {
    let all = Array(CommandLine.arguments.dropFirst())
    if all.starts(with: ["explain", "--"]), all.count == 2 { return ["explain", "--", "--"] }
    guard let first = all.first, first == "-t" else { return all }
    return ["check"] + all.dropFirst()
  }
}

/// What every command that reads the configuration has.
struct ConfigurationOption: ParsableArguments {
  static let standard = "/etc/gatehouse/gatehouse.yaml"

  @Option(name: .shortAndLong, help: "The configuration file.")
  var config = Self.standard
}

/// What every command that speaks to the running process has.
struct SocketOptions: ParsableArguments {
  @Option(help: "The admin socket of the running process.")
  var socket: String?

  @Option(
    name: .shortAndLong, help: "The configuration file, for the admin socket that it names.")
  var config: String?

  @Flag(help: "Print data instead of a table.")
  var json = false
}
