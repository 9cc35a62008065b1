import ArgumentParser
import Control
import Firewall
import Foundation

struct BanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ban", abstract: "Keep somebody out, with an end.",
    discussion: """
      EXAMPLES
        gatehouse ban add 203.0.113.9 --for 2h
        gatehouse ban list
        gatehouse ban del 203.0.113.9

      A ban beats every allow but management's, and closes what is open. It ends
      by itself, in the kernel. Needs root, or CAP_NET_ADMIN.
      """,
    subcommands: [BanAdd.self, BanDel.self, BanList.self])
}

struct BanAdd: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Ban an address or a network.",
    discussion: """
      Whom the policy never bans (management, trusted proxies, bans.never) is not
      banned by hand either, nor is loopback. No ban is longer than bans.max_for
      of the policy.
      """)

  @Argument(help: "An address or a network.")
  var network: String

  @Option(name: .customLong("for"), help: "How long; bans.default_for when left out.")
  var span: String?

  @OptionGroup var state: StoreOption
  @OptionGroup var options: SocketOptions

  @Flag(help: "Do it even if it ends the connection that this is typed over.")
  var iKnow = false

  private struct Result: Encodable {
    let network: String
    let seconds: UInt64
    let closedConnections: Int
    let isKnownToProxy: Bool
  }

  func run() throws {
    let network = try typed(network)
    guard !Self.loopback.intersects(AddressSet(network)) else {
      throw CommandFailure(
        "\(network) is or holds loopback (127.0.0.0/8, ::1): always let in, and never banned")
    }
    let seconds = try span.map { try typedSpan($0) }
    let book = BanBook(state.store)
    try book.check(network)
    try LockOutCheck.pass(banOf: network, iKnow: iKnow)
    let outcome = try book.add(network, seconds: seconds)
    let (banned, closed) = (outcome.seconds, outcome.closed)
    let isKept = keep(book, "a restart forgets it")
    for fault in outcome.faults { report(CommandFailure("warning: \(fault)")) }
    let isKnown = options.tell(network) { try $0.ban($1, seconds: banned) }
    if options.json {
      print(
        try jsonText(
          Result(
            network: "\(network)", seconds: banned, closedConnections: closed,
            isKnownToProxy: isKnown)))
    } else {
      let cause = seconds.map { $0 > banned } == true ? " (bans.max_for of the policy)" : ""
      print("banned \(network) for \(spanText(banned))\(cause); closed \(closed) connection(s)")
    }
    if !isKept { throw ExitCode.no }
  }

  /// How this machine speaks to itself.
  private static let loopback = AddressSet(.ipv4(127 << 24, prefix: 8))
    .union(AddressSet(.ipv6(1, prefix: 128)))
}

struct BanDel: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "del", abstract: "End a ban.",
    discussion: """
      In the kernel, and in the running proxy, which keeps its own bans too: of
      clients behind a trusted proxy, which the kernel cannot tell apart.
      """)

  @Argument(help: "The address or network, as `ban list` prints it.")
  var network: String

  @OptionGroup var state: StoreOption
  @OptionGroup var options: SocketOptions

  private struct Result: Encodable {
    let network: String
    let wasBannedInKernel, isLiftedInProxy: Bool
  }

  func run() throws {
    let network = try typed(network)
    let isLifted = options.tell(network) { try $0.unban($1) }
    let (wasBanned, isKept) = try lift(network, isLifted: isLifted)
    if let wider = wider(network) {
      let what =
        wasBanned
        ? "\(network): its own ban has ended, but it is banned by" : "\(network) is banned by"
      throw CommandFailure("\(what) \(wider); type: gatehouse ban del \(wider)", code: .no)
    }
    guard wasBanned || isLifted else {
      throw CommandFailure("\(network) is not banned; see: gatehouse ban list", code: .no)
    }
    if options.json {
      print(
        try jsonText(
          Result(
            network: "\(network)", wasBannedInKernel: wasBanned, isLiftedInProxy: isLifted)))
    } else if wasBanned {
      print("\(network) is not banned any more")
    } else {
      print("\(network): the kernel did not ban it; the proxy does not ban it any more, if it did")
    }
    if !isKept { throw ExitCode.no }
  }

  /// The narrowest network by whose ban it is kept out all the same; nil where none is known.
  private func wider(_ network: Network) -> Network? {
    let addresses = AddressSet(network)
    let bans = (try? BanBook(state.store).list()) ?? []
    return bans.map(\.network).filter { addresses.subtracting(AddressSet($0)).isEmpty }
      .max { $0.prefix < $1.prefix }
  }

  /// Whether the kernel banned it, and whether that it does not any more is written down.
  private func lift(_ network: Network, isLifted: Bool) throws -> (Bool, Bool) {
    // Where only the proxy enforces the policy there is no table to take it out of.
    if isLifted, try !FirewallKernel.exists() { return (false, true) }
    let book = BanBook(state.store)
    let wasBanned = try book.remove(network)
    return (wasBanned, keep(book, "a restart brings it back"))
  }
}

extension SocketOptions {
  /// Tells the running proxy of a ban of one client; false when no proxy runs here.
  fileprivate func tell(
    _ network: Network, _ what: (AdminClient, Address) throws -> Status
  ) -> Bool {
    let address: Address? =
      switch network {
      case .ipv4(let bits, prefix: 32): .ipv4(bits)
      case .ipv6(let bits, prefix: 64...128): .ipv6(bits)
      case .ipv4, .ipv6: nil
      }
    guard let address, let path = try? path() else { return false }
    return (try? what(AdminClient(socket: path), address)) != nil
  }
}

struct BanList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Who is banned, and for how much longer.")

  @OptionGroup var state: StoreOption

  @Flag(help: "Print data instead of a table.")
  var json = false

  private struct Row: Encodable {
    let network: String
    let secondsLeft: UInt64
  }

  func run() throws {
    let bans = try BanBook(state.store).list()
    if json {
      return print(
        try jsonText(bans.map { Row(network: $0.network.description, secondsLeft: $0.secondsLeft) })
      )
    }
    guard !bans.isEmpty else { return print("nobody is banned") }
    print(table(["NETWORK", "ENDS IN"], bans.map { ["\($0.network)", spanText($0.secondsLeft)] }))
  }
}

/// Writes bans down; false where that fails, which is said with its `consequence`: what the kernel holds is in
/// force all the same.
private func keep(_ book: BanBook, _ consequence: String) -> Bool {
  do { try book.save() } catch {
    report(CommandFailure("warning: not written down, so \(consequence): \(error)"))
    return false
  }
  return true
}

// MARK: As it is typed

func typed(_ text: String) throws -> Network { try Network(parsing: text) }

func typedSpan(_ text: String) throws -> UInt64 {
  let units: [(Character, UInt64)] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]
  guard let last = text.last, let unit = units.first(where: { $0.0 == last }),
    let number = UInt64(text.dropLast()), number > 0, number <= 31_536_000,
    number * unit.1 <= 31_536_000
  else {
    throw CommandFailure("\"\(text)\" is no span; allowed: 1s to 365d, such as 10m, 2h or 7d")
  }
  return number * unit.1
}

/// `1d 2h`, with the two greatest units that count.
func spanText(_ seconds: UInt64) -> String {
  let parts = [
    (seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"),
    (seconds % 60, "s"),
  ]
  let text = parts.filter { $0.0 > 0 }.prefix(2).map { "\($0.0)\($0.1)" }.joined(separator: " ")
  return text.isEmpty ? "0s" : text
}
