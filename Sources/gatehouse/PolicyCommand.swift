import ArgumentParser
import Certificates
import Configuration
import Control
import Firewall
import Foundation

struct PolicyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: "The firewall alone: who may come in.",
    discussion: """
      EXAMPLES
        gatehouse policy check policies/web.yaml        what is wrong or doubtful
        gatehouse policy show policies/web.yaml --nft   what the kernel would get
        gatehouse policy diff policies/web.yaml         what an apply would change
        gatehouse policy apply policies/web.yaml        make it so, whole or not

      Only the table `inet gatehouse` is ever touched. The proxy enforces the
      same policy on the connections that it accepts, whether or not it is
      applied to the kernel.
      """,
    subcommands: [PolicyCheck.self, PolicyShow.self, PolicyDiff.self, PolicyApply.self])
}

/// What every `policy` command takes.
struct PolicyOptions: ParsableArguments {
  @Argument(help: "The policy file.")
  var file: String

  @Flag(help: "Print data instead of lines.")
  var json = false

  /// The policy and its warnings; its errors are printed and end the command.
  func load() throws -> LoadedPolicy {
    do {
      let now = Int64(Date().timeIntervalSince1970)
      let (policy, warnings) = try PolicyFile.load(file, at: now)
      return LoadedPolicy(
        policy: policy, warnings: warnings, verdict: try PolicyVerdict(policy, at: now), now: now)
    } catch {
      if json {
        let lines = (error as? ConfigurationErrors)?.lines ?? ["\(error)"]
        print(try jsonText(PolicyCheck.Result(file: file, errors: lines, warnings: [])))
      } else {
        report(error)
      }
      throw ExitCode.failed
    }
  }
}

struct LoadedPolicy {
  let policy: FirewallPolicy
  let warnings: [String]
  let verdict: PolicyVerdict
  let now: Int64

  var ruleset: Ruleset { RulesetCompiler.compile(CompilerInput(verdict), at: now) }

  /// Which policy this is, whatever the hour: the hash of the ruleset as of no time.
  var digest: [UInt8] {
    let text = RulesetText.print(RulesetCompiler.compile(CompilerInput(verdict), at: 0))
    return Digest.sha256(Array(text.utf8))
  }
}

struct PolicyCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "What is wrong or doubtful with a policy.",
    discussion: "Exit code 0: good; 1: good, with warnings; 2: errors.")

  @OptionGroup var options: PolicyOptions

  struct Result: Encodable {
    let file: String
    let errors, warnings: [String]
  }

  func run() throws {
    let loaded = try options.load()
    if options.json {
      print(try jsonText(Result(file: options.file, errors: [], warnings: loaded.warnings)))
    } else {
      for line in loaded.warnings { print(line) }
      let count = loaded.warnings.count
      print("\(options.file): good\(count == 0 ? "" : ", with \(count) warning(s)")")
    }
    if !loaded.warnings.isEmpty { throw ExitCode.no }
  }
}

struct PolicyShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Who may come in, or the compiled ruleset.",
    discussion: """
      EXAMPLES
        gatehouse policy show policies/web.yaml
        gatehouse policy show policies/web.yaml --json | jq '.[0]'
        gatehouse policy show policies/web.yaml --nft | nft --check -f -
      """)

  @OptionGroup var options: PolicyOptions

  @Flag(help: "Print the compiled ruleset in nft's syntax.")
  var nft = false

  private struct Allowed: Encodable {
    let port: String
    let from: [String]
  }

  func run() throws {
    let loaded = try options.load()
    if nft {
      let text = RulesetText.print(loaded.ruleset)
      return print(options.json ? try jsonText(["nft": text]) : text, terminator: "")
    }
    guard options.json else { return print(PolicyText.summary(of: loaded.policy)) }
    let ports =
      (loaded.policy.management?.to ?? []) + loaded.policy.services.flatMap(\.listen)
    print(
      try jsonText(
        ports.map { port in
          Allowed(
            port: port.description,
            from: PolicyText.intervals(
              of: loaded.verdict.allowedSources(port.transport, port: port.first)))
        }))
  }
}

struct PolicyDiff: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "What an apply would change in the kernel.",
    discussion: """
      Compares the policy with what the kernel holds now.

      Exit code 0: nothing would change. 1: something would. 2: the kernel could
      not be asked (it needs root, or CAP_NET_ADMIN).
      """)

  @OptionGroup var options: PolicyOptions

  private struct Change: Encodable {
    let set: String
    let gained, lost: [String]
  }

  private struct Result: Encodable {
    let isApplied, isSame: Bool
    let generation: UInt64?
    let changes: [Change]
  }

  func run() throws {
    let loaded = try options.load()
    let live = try kernel { () throws(FirewallKernelError) in try FirewallKernel.live() }
    let changes = live?.differences(to: loaded.ruleset) ?? []
    let isSame = live?.digest == loaded.digest && changes.isEmpty
    if options.json {
      print(
        try jsonText(
          Result(
            isApplied: live != nil, isSame: isSame, generation: live?.generation,
            changes: changes.map { Change(set: $0.set, gained: $0.gained, lost: $0.lost) })))
    } else {
      print(PolicyText.difference(live, changes, isSame: isSame))
    }
    if !isSame { throw ExitCode.no }
  }
}

struct PolicyApply: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply", abstract: "Make the kernel hold the policy.",
    discussion: """
      First the kernel checks it without taking it, and it is made sure that
      the connection you type this over would not be refused. Then it is applied
      in one transaction: whole, or not at all. Needs root, or CAP_NET_ADMIN.

      To take it away again: nft delete table inet gatehouse
      """)

  @OptionGroup var options: PolicyOptions

  @Flag(help: "Apply even if it would refuse the connection you type this over.")
  var iKnow = false

  private struct Result: Encodable {
    let generation: UInt64
    let warnings: [String]
  }

  func run() throws {
    let loaded = try options.load()
    for line in loaded.warnings where !options.json { print(line) }
    try refuseLockOut(loaded)
    let ruleset = loaded.ruleset
    let digest = loaded.digest
    try kernel { () throws(FirewallKernelError) in try FirewallKernel.check(ruleset) }
    let applied = try kernel { () throws(FirewallKernelError) in
      try FirewallKernel.apply(ruleset, digest: digest)
    }
    if options.json {
      print(try jsonText(Result(generation: applied.generation, warnings: loaded.warnings)))
    } else {
      print("kernel dry run ok · applied generation \(applied.generation) of table inet gatehouse")
    }
    if !loaded.warnings.isEmpty { throw ExitCode.no }
  }

  /// Over SSH: the address you come from must be let in to the port you came to.
  private func refuseLockOut(_ loaded: LoadedPolicy) throws {
    let parts = (ProcessInfo.processInfo.environment["SSH_CONNECTION"] ?? "").split(separator: " ")
    guard !iKnow, parts.count == 4, let source = Address(parsing: String(parts[0])),
      let port = UInt16(parts[3])
    else { return }
    guard !loaded.verdict.verdict(source, to: .tcp, port: port, at: loaded.now).isAllowed else {
      return
    }
    report(
      CommandFailure(
        """
        refused: you are connected from \(source) to tcp/\(port), and this policy does not let you in
          add your network to management: { from: [...], to: [tcp/\(port)] }, or type --i-know
        """))
    throw ExitCode.failed
  }
}

/// Speaks to the kernel; prints what went wrong and ends with 2.
private func kernel<Answer>(
  _ body: () throws(FirewallKernelError) -> Answer
) throws -> Answer {
  do { return try body() } catch {
    report(error)
    throw ExitCode.failed
  }
}
