import ArgumentParser
import Control
import Firewall
import Foundation

struct PolicyApply: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply", abstract: "Make the kernel hold the policy.",
    discussion: """
      First the kernel checks it without taking it, and it is made sure that you
      and all who are connected to the ports of management could connect again.
      Then it is applied: whole, or not at all; no packet is lost. Connections of
      those who may no longer connect are closed. Needs root, or CAP_NET_ADMIN.

      With --confirm-within it goes back by itself unless it is confirmed from a
      new connection: whatever happens to this one, you get in again.

      EXAMPLES
        gatehouse policy apply policies/web.yaml --confirm-within 60s
        gatehouse policy apply policies/web.yaml --reason OPS-123

      To take it away again: gatehouse policy rollback 0
      """)

  @OptionGroup var options: PolicyOptions

  @Option(
    help: ArgumentHelp(
      "Go back after so long unless confirmed, such as 60s or 5m.", valueName: "span"))
  var confirmWithin: String?

  @Option(help: "Kept in the history.")
  var reason: String?

  @Flag(help: "Apply even if somebody would be locked out.")
  var iKnow = false

  private struct Result: Encodable {
    let generation, previous: UInt64
    let kernelGeneration: UInt32
    let milliseconds: Double
    let closedConnections: Int
    let token: String?
    let warnings, notes: [String]
  }

  func run() throws {
    let span = try confirmWithin.map { try Self.span($0) }
    let loaded = try options.load()
    for line in loaded.warnings where !options.json { print(line) }
    let store = options.state.store
    let check = try LockOutCheck(loaded.compiled, store)
    if !iKnow, let refusal = check.refusal {
      throw CommandFailure(refusal)
    }
    var settings = PolicyApplication.Options()
    settings.path = absolute(options.file)
    settings.confirmWithin = span
    settings.reason = reason
    settings.overrides = loaded.overrides
    let outcome = try PolicyApplication(store).apply(loaded.compiled, settings)
    if options.json {
      print(
        try jsonText(
          Result(
            generation: outcome.generation, previous: outcome.previous,
            kernelGeneration: outcome.kernelGeneration, milliseconds: outcome.milliseconds,
            closedConnections: outcome.closedConnections, token: outcome.token,
            warnings: loaded.warnings, notes: outcome.notes)))
    } else {
      print("kernel dry run ok · lock-out check ok\(check.reassurance)")
      if loaded.policy.isPanic { print(PolicyText.panic) }
      tell(outcome, span)
    }
    if !loaded.warnings.isEmpty { throw ExitCode.no }
  }

  private func tell(_ outcome: PolicyApplication.Outcome, _ span: Duration?) {
    let tenths = Int((outcome.milliseconds * 10).rounded())
    print(
      "applied generation \(outcome.generation) in \(tenths / 10).\(tenths % 10) ms (kernel generation \(outcome.kernelGeneration))"
    )
    if outcome.closedConnections > 0 {
      print("closed \(outcome.closedConnections) connection(s) of those who may no longer connect")
    }
    for note in outcome.notes { print(note) }
    guard let token = outcome.token, let span else { return }
    print(
      """

      Rolling back to generation \(outcome.previous) at \(Self.clock(after: span)) unless confirmed.
      Open a NEW connection and type:  gatehouse policy confirm \(token)
      (this connection does not count)
      """)
  }

  /// By hand: Foundation's formats would load the tables of every language of the world.
  private static func clock(after span: Duration) -> String {
    var moment = time(nil) + Int(span.components.seconds)
    var parts = unsafe tm()
    _ = unsafe localtime_r(&moment, &parts)
    let numbers = unsafe [parts.tm_hour, parts.tm_min, parts.tm_sec]
    return numbers.map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
  }

  private static func span(_ text: String) throws -> Duration {
    let units: [(Character, Int)] = [("s", 1), ("m", 60), ("h", 3600)]
    guard let last = text.last, let unit = units.first(where: { $0.0 == last }),
      let number = Int(text.dropLast()), number > 0, number <= 86_400 / unit.1
    else {
      throw CommandFailure(
        "--confirm-within \"\(text)\" is no span; allowed: 1s to 24h, such as 60s")
    }
    return .seconds(number * unit.1)
  }
}

func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }

/// Whether somebody who administers this machine could not connect any more.
struct LockOutCheck {
  private var lost: [LocalSockets.Peer] = []
  private var caller: LocalSockets.Peer?
  private var outcome: PolicyOutcome?
  private let leavesNobody: Bool

  /// Ports that are management's by now count, too: who is connected there loses by a new policy
  /// that says nothing of them.
  init(_ loaded: CompiledPolicy, _ store: PolicyStore) throws {
    let management = loaded.verdict.policy.management?.sources
    leavesNobody = management?.remaining(at: loaded.time).isEmpty ?? true
    let ports = (loaded.policy.management?.to ?? []) + store.managementPorts
    // Without the right to ask for sockets there is still the connection that this is typed over.
    var peers = Set((try? LocalSockets.peers(ports: ports)) ?? [])
    peers = peers.filter { !$0.address.isLoopback }
    caller = Self.sshPeer.map { loaded.policy.protect == .hostAndPublished ? Self.asked($0) : $0 }
    caller?.remotePort = 0
    if let caller { peers.insert(caller) }
    // An audit lets everybody in, but for panic.
    guard loaded.policy.mode == .enforce || loaded.verdict.policy.isPanic else { return }
    for peer in peers.sorted(by: { "\($0.address)" < "\($1.address)" }) {
      let outcome = loaded.verdict.verdict(
        peer.address, to: .tcp, port: peer.port, at: loaded.time)
      if !outcome.isAllowed { lost.append(peer) }
      if peer == caller { self.outcome = outcome }
    }
  }

  /// Why an apply would lock somebody out; nil when it would not.
  var refusal: String? {
    guard !leavesNobody else {
      return
        "refused: management lets in nobody: all that its from names has ended; add your network, or type --i-know"
    }
    guard let first = lost.first else { return nil }
    var lines: [String] = []
    if let caller, lost.contains(caller) {
      lines.append(
        "refused: you are connected from \(caller.address) to tcp/\(caller.port), and this policy does not let you in"
      )
    }
    for peer in lost where peer != caller {
      lines.append(
        "refused: \(peer.address) is connected to tcp/\(peer.port), and this policy does not let it in"
      )
    }
    lines.append(
      "  add the network to management: { from: [...], to: [tcp/\(first.port)] }, or type --i-know"
    )
    return lines.joined(separator: "\n")
  }

  /// Refuses what would lock somebody out, unless it is meant so.
  static func pass(_ new: CompiledPolicy?, _ store: PolicyStore, iKnow: Bool) throws {
    guard let new, !iKnow else { return }
    let check = try LockOutCheck(new, store)
    guard let refusal = check.refusal else { return }
    throw CommandFailure(refusal)
  }

  /// Refuses a ban of whom this is typed by, unless it is meant so.
  static func pass(banOf network: Network, iKnow: Bool) throws {
    guard !iKnow, let caller = sshPeer,
      AddressSet(network).contains(caller.address, at: 0)
    else { return }
    throw CommandFailure(
      """
      refused: you are connected from \(caller.address) to tcp/\(caller.port), and the ban of \(network) would end that
        leave your address out, or type --i-know
      """)
  }

  /// What is said when all is well.
  var reassurance: String {
    guard let caller, let outcome else { return "" }
    return ": you (\(caller.address)) keep tcp/\(caller.port), \(outcome.sentence)"
  }

  private static var sshPeer: LocalSockets.Peer? {
    let parts = (Caller.connection ?? "").split(separator: " ")
    guard parts.count == 4, let source = Caller.address(parts[0]),
      let port = UInt16(parts[3])
    else { return nil }
    var peer = LocalSockets.Peer(address: source, port: port)
    peer.remotePort = UInt16(parts[1]) ?? 0
    return peer
  }

  /// With the port that it connected to before another table redirected it: that is what rules see.
  private static func asked(_ peer: LocalSockets.Peer) -> LocalSockets.Peer {
    let found = try? Conntrack.connections().first {
      $0.source == peer.address && $0.sourcePort == peer.remotePort
        && $0.answerer?.port == peer.port
    }
    var peer = peer
    peer.port = found?.destinationPort ?? peer.port
    return peer
  }
}
