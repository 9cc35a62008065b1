import ArgumentParser
import Control
import Foundation
import Proxy

struct DrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drain",
    abstract: "Send a server nothing new, and wait until it has nothing left.",
    discussion: """
      EXAMPLES
        gatehouse drain web/s1 --wait && ssh s1 reboot
        gatehouse drain web/s1 --wait --timeout 5m --reason "new kernel"
        gatehouse server set web/s1 --state ready     it is back

      Exit code 0: draining, or with --wait: nothing is left. 1: the timeout was
      over, and the server goes on draining. 2: refused, or nobody answered.
      """)

  @Argument(help: "The server, as BACKEND/SERVER.")
  var server: ServerID

  @Flag(help: "Return when no exchange is left.")
  var wait = false

  @Option(help: "How long to wait.")
  var timeout = "60s"

  @OptionGroup var terms: TermsOptions
  @OptionGroup var options: SocketOptions

  func run() throws {
    let limit = try typedSpan(timeout)
    let change = ServerChange(state: .drain, terms: try terms.typed())
    var now = try options.ask { try $0.set(server, change) }
    guard wait else { return try show(now) }
    let end = Date() + Double(limit)
    let isTerminal = isatty(STDERR_FILENO) == 1
    while now.active > 0, Date() < end {
      if isTerminal { say("\r\(server): \(now.active) left ") }
      usleep(200_000)
      now = try options.ask { try $0.server(server) }
    }
    if isTerminal { say("\r") }
    try show(now)
    if now.active > 0 {
      report(CommandFailure("\(server): \(now.active) exchange(s) left after \(timeout)"))
      throw ExitCode.no
    }
  }

  private func show(_ server: Status.Server) throws {
    print(options.json ? try jsonText(server) : ServerText.line(server))
  }

  private func say(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
  }
}
