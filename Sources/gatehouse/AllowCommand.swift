import ArgumentParser
import Configuration
import Control
import Firewall
import Foundation

struct AllowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "allow", abstract: "Let somebody in for a while, beside the policy's file.",
    discussion: """
      EXAMPLES
        gatehouse allow add 203.0.113.9 --to web --for 2h \\
          --reason "vendor looks at OPS-123" --owner alice
        gatehouse allow list
        gatehouse allow del 203.0.113.9 --to web

      It is put on top of the generation in force, and of those that follow, and
      ends by itself, in the kernel. Deny beats it. Of two for the same network and
      service the later end counts.
      """,
    subcommands: [AllowAdd.self, AllowDel.self, AllowList.self])
}

struct AllowAdd: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Let an address or a network in, with an end.")

  @Argument(help: "An address or a network.")
  var network: String

  @Option(help: "The service, or management.")
  var to: String

  @Option(name: .customLong("for"), help: "How long, such as 2h.")
  var span: String

  @Option(help: "Why.")
  var reason: String

  @Option(help: "Who asked for it.")
  var owner: String

  @OptionGroup var state: StoreOption
  @OptionGroup var proxy: ProxyOption
  @OptionGroup var form: DataOption

  func run() throws {
    let network = try typed(network)
    let seconds = try typedSpan(span)
    try Self.require(reason, "--reason", "why, such as OPS-123")
    try Self.require(owner, "--owner", "who asked for it, such as alice")
    let allowance = PolicyOverrides.Allowance(
      network: network, service: to, until: CompiledPolicy.now + Int64(seconds), owner: owner,
      reason: reason)
    let outcome = try PolicyApplication(state.store).allow(allowance)
    let kept = try state.store.overrides().allowances.first { $0.isFor(network, to) } ?? allowance
    try form.tell(outcome.facts) {
      let what = "allowed \(network) to \(to) until \(Moment.text(kept.until))"
      let number = "generation \(outcome.generation)"
      guard kept.until > allowance.until else { return "\(what): \(number)" }
      return "\(what) already, which is longer (\(kept.owner), \(kept.reason)): \(number)"
    }
    proxy.follow(isQuiet: form.json)
  }

  private static func require(_ text: String, _ option: String, _ what: String) throws {
    guard text.allSatisfy(\.isWhitespace) else { return }
    throw CommandFailure("\(option) is empty; say \(what)")
  }
}

struct AllowDel: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "del", abstract: "End an allowance now.")

  @Argument(help: "The address or network.")
  var network: String

  @Option(help: "The service, or management.")
  var to: String

  @OptionGroup var state: StoreOption
  @OptionGroup var proxy: ProxyOption
  @OptionGroup var form: DataOption

  @Flag(help: "Do it even if somebody would be locked out.")
  var iKnow = false

  func run() throws {
    let network = try typed(network)
    let application = PolicyApplication(state.store)
    let policy = try application.policy { overrides in
      overrides.allowances.removeAll { $0.network == network && $0.service == to }
    }
    try LockOutCheck.pass(policy, state.store, iKnow: iKnow)
    let outcome = try application.disallow(network, to)
    try form.tell(outcome.facts) {
      "\(network) is not allowed to \(to) any more by hand: generation \(outcome.generation)"
    }
    proxy.follow(isQuiet: form.json)
  }
}

struct AllowList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "What is allowed by hand.")

  @OptionGroup var state: StoreOption

  @Flag(help: "Print data instead of a table.")
  var json = false

  private struct Row: Encodable {
    let network, to: String
    let until: Date
    let owner, reason: String
  }

  func run() throws {
    let list = try state.store.overrides().remaining(at: CompiledPolicy.now).allowances
    if json {
      return print(
        try jsonText(
          list.map {
            Row(
              network: "\($0.network)", to: $0.service,
              until: Date(timeIntervalSince1970: TimeInterval($0.until)), owner: $0.owner,
              reason: $0.reason)
          }))
    }
    guard !list.isEmpty else { return print("nothing is allowed by hand") }
    print(
      table(
        ["NETWORK", "TO", "UNTIL", "OWNER", "REASON"],
        list.map {
          ["\($0.network)", $0.service, Moment.text($0.until), $0.owner, $0.reason]
        }))
  }
}

struct PanicCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "panic", abstract: "Let in nobody but management.",
    discussion: """
      EXAMPLES
        gatehouse panic on       every other connection is dropped, open ones too
        gatehouse panic off      back to the policy
      """)

  enum Switch: String, ExpressibleByArgument, CaseIterable { case on, off }

  @Argument(help: "on or off.")
  var position: Switch

  @OptionGroup var state: StoreOption
  @OptionGroup var proxy: ProxyOption
  @OptionGroup var form: DataOption

  @Flag(help: "Do it even if somebody would be locked out.")
  var iKnow = false

  func run() throws {
    let application = PolicyApplication(state.store)
    if position == .on {
      let policy = try application.policy { $0.panic = Date() }
      try LockOutCheck.pass(policy, state.store, iKnow: iKnow)
    }
    let outcome = try application.panic(position == .on)
    try form.tell(outcome.facts) {
      position == .on
        ? "panic is on: only management is let in (generation \(outcome.generation)); gatehouse panic off"
        : "panic is off: the policy is in force again (generation \(outcome.generation))"
    }
    proxy.follow(isQuiet: form.json)
  }
}

/// The running proxy, which enforces the same policy on what it accepts.
struct ProxyOption: ParsableArguments {
  @Option(help: "The admin socket of the running proxy, which follows at once.")
  var socket = LoadedConfiguration.defaultAdminSocket

  /// Has it read what is allowed by hand; where none runs there is nothing to do.
  func follow(isQuiet: Bool) {
    do {
      _ = try AdminClient(socket: socket).apply()
      if !isQuiet { print("the running proxy follows") }
    } catch AdminClient.Failure.notRunning {
    } catch {
      report(
        CommandFailure("the running proxy does not follow yet: \(error); type: gatehouse apply"))
    }
  }
}
