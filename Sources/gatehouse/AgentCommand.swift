import ArgumentParser
import Control
import Foundation
import Logging

struct AgentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "agent", abstract: "Ban sources for the proxy, which has no rights of its own.",
    discussion: """
      Keeps, of all of root's rights, only that to administer the network
      (CAP_NET_ADMIN). It listens on a Unix socket, answers only processes of the
      users that you name, and understands two requests: ban, and end a ban.
      Whom the policy never bans, it does not ban. It writes bans down, so that
      they outlive a restart, and tells when somebody else changes the firewall.

      EXAMPLES
        gatehouse agent --user gatehouse
      In gatehouse.yaml: agent: /run/gatehouse/agent.sock
      """)

  static let standardSocket = "/run/gatehouse/agent.sock"

  @Option(help: "Where to listen.")
  var socket = Self.standardSocket

  @Option(help: "A user, by name or number, whose processes are answered, beside root's.")
  var user: [String] = []

  @OptionGroup var state: StoreOption

  func run() throws {
    Signal.block()
    LoggingSystem.bootstrap(PlainLog.init)
    let logger = Logger(label: "gatehouse-agent")
    let users = try Set(user.map(Self.number))
    let agent = try Agent(state.store, path: socket, users: users, logger: logger)
    try agent.dropRights()
    agent.run { Signal.isPending }
  }

  private static func number(of name: String) throws -> UInt32 {
    if let number = UInt32(name) { return number }
    guard let entry = unsafe getpwnam(name) else {
      throw CommandFailure(
        "there is no user \"\(name)\"; allowed: a name of /etc/passwd, or a number")
    }
    return unsafe entry.pointee.pw_uid
  }
}
