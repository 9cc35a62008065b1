import ArgumentParser
import Control
import Foundation
import Proxy

struct ServerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "server", abstract: "Servers while running: look, weigh, drain, add, remove.",
    discussion: """
      EXAMPLES
        gatehouse server list
        gatehouse server show web/s1
        gatehouse server set web/s1 --weight 50% --for 10m --reason "new disk"
        gatehouse server add web/s4 10.0.0.14:8080 --weight 2

      What is changed here stays over an apply and a restart until it is cleared,
      beside the file: see `gatehouse overrides`.
      """,
    subcommands: [
      ServerList.self, ServerShow.self, ServerSet.self, ServerAdd.self, ServerRemove.self,
      ServerFailback.self,
    ])
}

struct ServerList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "The servers of every backend, and why they stand as they do.",
    discussion: """
      EXAMPLES
        gatehouse server list
        gatehouse server list --json | jq '.[].servers[] | select(.state == "down")'
      """)

  @OptionGroup var options: SocketOptions

  func run() throws {
    let backends = try options.ask { try $0.servers() }
    print(options.json ? try jsonText(backends) : ServerText.table(backends))
  }
}

struct ServerShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "All that is known of a server.",
    discussion: """
      EXAMPLES
        gatehouse server show web/s1
      """)

  @Argument(help: "The server, as BACKEND/SERVER.")
  var server: ServerID

  @OptionGroup var options: SocketOptions

  func run() throws {
    let found = try options.ask { try $0.server(server) }
    print(options.json ? try jsonText(found) : ServerText.page(found))
  }
}

struct ServerSet: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Change a server while running, without a reload.",
    discussion: """
      EXAMPLES
        gatehouse server set web/s1 --weight 3       three times the share of weight 1
        gatehouse server set web/s1 --weight 50%     half of what the file says
        gatehouse server set web/s1 --state drain    nothing new; what runs goes on
        gatehouse server set web/s1 --state maint --for 10m --reason "new kernel"
        gatehouse server set web/s1 --state ready

      maint is drain, and the server is not checked either. Needs the role operator.
      """)

  @Argument(help: "The server, as BACKEND/SERVER.")
  var server: ServerID

  @Option(help: "Its share beside its neighbours', 0...256, or a percentage of the file's.")
  var weight: WeightChange?

  @Option(help: "What is wanted of it: ready, drain or maint.")
  var state: ServerStanding.State?

  @OptionGroup var terms: TermsOptions
  @OptionGroup var options: SocketOptions

  func validate() throws {
    guard weight != nil || state != nil else {
      throw ValidationError("nothing to change: give --weight, --state, or both")
    }
  }

  func run() throws {
    let change = ServerChange(weight: weight, state: state, terms: try terms.typed())
    let changed = try options.ask { try $0.set(server, change) }
    print(options.json ? try jsonText(changed) : ServerText.line(changed))
  }
}

struct ServerAdd: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Add a server to a backend while running.",
    discussion: """
      EXAMPLES
        gatehouse server add web/s4 10.0.0.14:8080 --weight 2
        gatehouse server add web/spare 10.0.0.15:8080 --tier 1 --for 2h

      It is checked and limited as its backend says, and stays over a restart.
      Needs the role admin.
      """)

  @Argument(help: "The server, as BACKEND/SERVER.")
  var server: ServerID

  @Argument(help: "Where it listens: an address with a port.")
  var address: String

  @Option(help: "Its share beside its neighbours', 0...256.")
  var weight = 1

  @Option(help: "Used while no lower tier can be.")
  var tier = 0

  @Option(help: "primary or replica, where the backend has roles.")
  var role: ServerRole?

  @OptionGroup var terms: TermsOptions
  @OptionGroup var options: SocketOptions

  func run() throws {
    let wanted = ServerAddition(
      address: address, weight: weight, tier: tier, role: role, terms: try terms.typed())
    let added = try options.ask { try $0.add(server, wanted) }
    print(options.json ? try jsonText(added) : ServerText.line(added))
  }
}

struct ServerRemove: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Take a server out of its backend while running.",
    discussion: """
      EXAMPLES
        gatehouse drain web/s1 --wait && gatehouse server remove web/s1
        gatehouse overrides clear web/s1.removed     and it is back

      What runs on it goes on. Needs the role admin.
      """)

  @Argument(help: "The server, as BACKEND/SERVER.")
  var server: ServerID

  @OptionGroup var terms: TermsOptions
  @OptionGroup var options: SocketOptions

  func run() throws {
    let terms = try terms.typed()
    let left = try options.ask { try $0.remove(server, terms) }
    print(options.json ? try jsonText(left) : ServerText.table(left))
  }
}

struct ServerFailback: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "failback",
    abstract: "Go back to a backend's better tier, now that it is healthy.",
    discussion: """
      For backends with `failback: manual`, or to go back before the time is over.

      EXAMPLES
        gatehouse server failback web
      """)

  @Argument(help: "The backend.")
  var backend: String

  @OptionGroup var options: SocketOptions

  func run() throws {
    let backends = try options.ask { try $0.failBack(backend) }
    guard !options.json else { return print(try jsonText(backends)) }
    let tier = backends.first { $0.name == backend }?.tier ?? 0
    print("\(backend) uses tier \(tier)")
  }
}

/// For how long something is changed, and why.
struct TermsOptions: ParsableArguments {
  @Option(name: .customLong("for"), help: "How long, such as 10m; until cleared when left out.")
  var span: String?

  @Option(help: "Why, for those who come after.")
  var reason: String?

  func typed() throws -> ChangeTerms {
    ChangeTerms(seconds: try span.map { try typedSpan($0) }, reason: reason)
  }
}
