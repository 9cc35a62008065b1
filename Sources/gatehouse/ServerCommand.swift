import ArgumentParser
import Control

struct ServerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "server", abstract: "Servers while running: list them, set a weight.",
    subcommands: [List.self, Set.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The servers of every backend.")

    @OptionGroup var options: SocketOptions

    func run() throws { try show(try options.ask { try $0.status() }, options) }
  }

  struct Set: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Change a server while running, without a reload.",
      discussion: """
        EXAMPLES
          gatehouse server set web/s1 --weight 3   three times the share of weight 1
          gatehouse server set web/s1 --weight 0   nothing new; what runs goes on

        The weight stays over an apply, beside the one in the file, until the
        process ends.
        """)

    @Argument(help: "The server, as BACKEND/SERVER.")
    var server: String

    @Option(help: "Its share of requests beside its neighbours', 0...256.")
    var weight: Int

    @OptionGroup var options: SocketOptions

    func validate() throws {
      guard server.split(separator: "/").count == 2 else {
        throw ValidationError("\"\(server)\" is not BACKEND/SERVER, like web/s1")
      }
      guard (0...256).contains(weight) else {
        throw ValidationError("weight \(weight) is not within 0...256")
      }
    }

    func run() throws {
      let parts = server.split(separator: "/").map(String.init)
      let status = try options.ask {
        try $0.setWeight(weight, backend: parts[0], server: parts[1])
      }
      try show(status, options)
    }
  }
}

private func show(_ status: Status, _ options: SocketOptions) throws {
  guard !options.json else { return print(try jsonText(status.backends)) }
  let rows = status.backends.flatMap { backend in
    backend.servers.map {
      [
        "\(backend.name)/\($0.name)", $0.address, $0.state, "\($0.configuredWeight)",
        "\($0.weight)", "\($0.active)", "\($0.requests)",
      ]
    }
  }
  print(
    table(["SERVER", "ADDRESS", "STATE", "CONFIGURED", "EFFECTIVE", "ACTIVE", "REQUESTS"], rows))
}
