import ArgumentParser
import Configuration
import Control
import Firewall
import Foundation

struct PolicyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: "The firewall alone: who may come in.",
    discussion: """
      EXAMPLES
        gatehouse policy check policies/web.yaml      what is wrong or doubtful
        gatehouse policy diff policies/web.yaml       who gains and who loses
        gatehouse policy apply policies/web.yaml --confirm-within 60s
                                                      make it so, or go back
        gatehouse policy explain 203.0.113.9 tcp/443  why somebody gets in or not
        gatehouse policy verify                       is the kernel as applied?

      Only the table `inet gatehouse` is ever touched. The proxy enforces the
      same policy on the connections that it accepts, whether or not it is
      applied to the kernel.

      Exit code 0: done, or yes. 1: the answer is no, or done with warnings.
      2: refused or failed. 3: unknown.
      """,
    subcommands: [
      PolicyCheck.self, PolicyShow.self, PolicyDiff.self, PolicyApply.self, PolicyConfirm.self,
      PolicyRollback.self, PolicyHistory.self, PolicyStatus.self, PolicyVerify.self,
      PolicyExplain.self, PolicySimulate.self, PolicyLint.self, PolicyExport.self,
      PolicyBoot.self, PolicyGuardCommand.self,
    ])
}

/// Where applied generations are kept.
struct StoreOption: ParsableArguments {
  @Option(help: "The folder of applied generations, bans and allowances.")
  var state = PolicyFile.standardState

  var store: PolicyStore { PolicyStore(folder: state) }
}

/// What every `policy` command takes that reads a file.
struct PolicyOptions: ParsableArguments {
  @Argument(help: "The policy file.")
  var file: String

  @OptionGroup var state: StoreOption

  @Flag(help: "Print data instead of lines.")
  var json = false

  @Flag(help: "Take warnings, such as of an entry that has expired, for errors.")
  var strict = false

  /// The policy and its warnings.
  func load() throws -> LoadedPolicy {
    let loaded = try LoadedPolicy.read(file, state.store)
    guard strict, !loaded.warnings.isEmpty else { return loaded }
    throw ConfigurationErrors(lines: loaded.warnings)
  }
}

/// A policy from a file, with what is allowed by hand on top of it.
struct LoadedPolicy {
  let compiled: CompiledPolicy
  let warnings: [String]
  /// Those on top of the file; nil for a generation that is kept.
  var overrides: PolicyOverrides?

  var policy: FirewallPolicy { compiled.policy }
  var verdict: PolicyVerdict { compiled.verdict }
  var now: Int64 { compiled.time }
  var ruleset: Ruleset { compiled.ruleset }
  /// What is denied is let in all the same.
  var isOnTrial: Bool { policy.mode == .audit && !verdict.policy.isPanic }
  var digest: [UInt8] { compiled.digest }

  static func read(_ file: String, _ store: PolicyStore) throws -> LoadedPolicy {
    let now = CompiledPolicy.now
    let (policy, warnings) = try PolicyFile.load(file, at: now, lastFeeds: store.lastFeeds)
    let overrides = try store.overrides().remaining(at: now)
    return LoadedPolicy(
      compiled: CompiledPolicy(overrides.applied(to: policy), at: now), warnings: warnings,
      overrides: overrides)
  }

  /// The generation in force. `hint`: what else the command could take.
  static func inForce(_ store: PolicyStore, hint: String = "") throws -> LoadedPolicy {
    let state = try store.state()
    guard state.generation > 0 else {
      throw CommandFailure(
        "no policy is in force in \(store.folder); \(hint)type: gatehouse policy apply FILE")
    }
    return LoadedPolicy(
      compiled: CompiledPolicy(try store.policy(of: state.generation), at: CompiledPolicy.now),
      warnings: [])
  }

  static func read(orInForce file: String?, _ store: PolicyStore) throws -> LoadedPolicy {
    guard let file else { return try inForce(store, hint: "name a file, or ") }
    return try read(file, store)
  }
}

struct PolicyCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "What is wrong or doubtful with a policy.",
    discussion: """
      Reads the file and all it includes, works out its groups, and tries its
      `expect` blocks. Nothing is changed.

      Exit code 0: good; 1: good, with warnings; 2: errors (with --strict
      warnings are errors).
      """)

  @OptionGroup var options: PolicyOptions

  struct Result: Encodable {
    let file: String
    let errors, warnings: [String]
  }

  func run() throws {
    let loaded: LoadedPolicy
    do { loaded = try options.load() } catch let errors as ConfigurationErrors where options.json {
      print(try jsonText(Result(file: options.file, errors: errors.lines, warnings: [])))
      throw ExitCode.failed
    }
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
        gatehouse policy show policies/web.yaml --nft | TZ=UTC nft --check -f -
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

struct PolicyExport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "The generation in force, or a file, as text for an audit.",
    discussion: """
      EXAMPLES
        gatehouse policy export nft > audit.nft
        gatehouse policy export nft policies/web.yaml
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case nft }

  @Argument(help: "The format: nft.")
  var format: Format

  @Argument(help: "A policy file; the generation in force when left out.")
  var file: String?

  @OptionGroup var state: StoreOption

  func run() throws {
    let loaded = try LoadedPolicy.read(orInForce: file, state.store)
    print(RulesetText.print(loaded.ruleset), terminator: "")
  }
}
