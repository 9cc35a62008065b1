import ArgumentParser
import Control
import Firewall

struct PolicySimulate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate", abstract: "What would become of packets.",
    discussion: """
      One packet, stage by stage, or a file of packets as a table. Beside the
      policy another one, and with --real the kernel itself: a namespace that is
      thrown away, and true packets.

      EXAMPLES
        gatehouse policy simulate --from 203.0.113.70 --to tcp/5432
        gatehouse policy simulate policies/web.yaml --from 203.0.113.70 \\
          --to tcp/443 --at "2026-12-24 22:00" --policy policies/new.yaml
        gatehouse policy simulate policies/web.yaml --file packets.csv --real

      A file has a header line and the columns from,to and, if you like, host,
      path, at, hop_limit, fragment (yes or no) and expect (allow or deny). What
      --at and the column at say is in the policy's timezone; of the generation
      in force in that of its hours, and in the machine's where it has none.

      Without a policy file it is the generation in force, with the kernel's
      bans, which needs root, or CAP_NET_ADMIN.

      Exit code 0: allowed; of a file: all as expected. 1: denied, or not as
      expected, or the kernel does otherwise. 3: unknown, because no policy is in
      force.
      """)

  @Argument(help: "A policy file; the generation in force when left out.")
  var base: String?

  @Option(help: "Who: an address.")
  var from: String?

  @Option(help: "To what: tcp/443, udp/53, icmp/8, icmpv6/128.")
  var to: String?

  @Option(help: "The host of a request.")
  var host: String?

  @Option(help: "The path of a request.")
  var path = "/"

  @Option(help: ArgumentHelp(TypedMinutes.help))
  var at: String?

  @Option(help: "Another policy file, to see side by side.")
  var policy: String?

  @Option(help: "A CSV file of packets.")
  var file: String?

  @Flag(help: "Ask the kernel, too, with true packets in a throw-away namespace (needs root).")
  var real = false

  @OptionGroup var state: StoreOption

  @Flag(help: "Print data instead of a table.")
  var json = false

  func run() throws {
    let store = state.store
    if base == nil { try store.requireGeneration(hint: "name a file") }
    let read = try LoadedPolicy.read(orInForce: base, store)
    let minutes = TypedMinutes(of: read.policy, file: base)
    let loaded = try minutes.moved(read, to: at)
    let other = try policy.map { try minutes.moved(LoadedPolicy.read($0, store), to: at) }
    let rows = try rows(minutes)
    var simulation = Simulation(
      policy: loaded.compiled, other: other?.compiled,
      bans: base == nil ? BansInForce.read(store) : nil, rows: rows)
    simulation.predict()
    if real { try askKernel(&simulation) }
    if json {
      print(try jsonText(simulation.rows))
    } else if file == nil, let row = simulation.rows.first {
      print(simulation.sideBySide(row))
    } else {
      print(simulation.table)
    }
    if loaded.isOnTrial, !json {
      print("AUDIT: the policy is on trial; what it would deny is counted, and let in")
    }
    let isFine =
      file == nil
      ? simulation.rows.first?.verdict == .allow && simulation.disagreements.isEmpty
      : simulation.disagreements.isEmpty && simulation.unexpected.isEmpty
    if !isFine { throw ExitCode.no }
  }

  private func rows(_ minutes: TypedMinutes) throws -> [Simulation.Row] {
    if let file {
      guard from == nil, to == nil, host == nil else {
        throw CommandFailure("--file names the packets; leave out --from, --to and --host")
      }
      return try PacketFile(path: file, minutes: minutes).rows()
    }
    guard let from, let to else {
      throw CommandFailure("name a packet with --from and --to, or many with --file")
    }
    let packet = try PacketText.packet(from: from, to: to)
    return [Simulation.Row(packet, to: to, host: host, path: path)]
  }

  private func askKernel(_ simulation: inout Simulation) throws {
    guard at == nil, simulation.rows.allSatisfy({ $0.at == nil }) else {
      throw CommandFailure(
        "--real asks the kernel, which knows only now; leave out --at (and the column at)")
    }
    let left = try simulation.askKernel()
    guard left > 0 else { return }
    report(CommandFailure("note: \(left) packet(s) were not sent: from loopback, or banned"))
  }
}
