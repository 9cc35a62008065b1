import ArgumentParser
import Configuration
import Control
import Firewall
import Foundation

struct PolicyStatus: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "What is in force, and what its rules have seen.",
    discussion: """
      Exit code 0: a policy is in force as it was applied. 1: none is, or it
      waits for confirmation, or somebody changed it. 2: the kernel could not be
      asked (it needs root, or CAP_NET_ADMIN).
      """)

  @OptionGroup var state: StoreOption

  @Flag(help: "Print data instead of lines.")
  var json = false

  private struct Rule: Encodable {
    let rule: String
    let packets, bytes: UInt64
  }

  private struct Result: Encodable {
    let isInSync: Bool
    let generation, confirmed: UInt64
    let kernelGeneration: UInt32
    let policy: String?
    let mode: String?
    let pending: PolicyState.Pending?
    let isPanic: Bool
    let allowances: [PolicyOverrides.Allowance]
    let bans: Int
    let rules: [Rule]
  }

  func run() throws {
    let result: Result = try orFail { try self.result() }
    if json {
      print(try jsonText(result))
    } else {
      print(text(of: result))
    }
    if !result.isInSync || result.pending != nil { throw ExitCode.no }
  }

  private func result() throws -> Result {
    let store = state.store
    let kept = try store.state()
    let overrides = try store.overrides().remaining(at: CompiledPolicy.now)
    let live = try FirewallKernel.live()
    let policy = kept.generation > 0 ? try? store.policy(of: kept.generation) : nil
    let digest = live?.digest?.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return Result(
      isInSync: kept.generation > 0 && digest == kept.digest, generation: kept.generation,
      confirmed: kept.confirmed, kernelGeneration: try FirewallKernel.generation(),
      policy: kept.policyPath, mode: policy?.mode.rawValue, pending: kept.pending,
      isPanic: overrides.panic != nil, allowances: overrides.allowances,
      bans: live == nil ? 0 : try BanBook(store).list().count,
      rules: (live?.counters ?? [:]).sorted { $0.key < $1.key }.map {
        Rule(rule: $0.key, packets: $0.value.packets, bytes: $0.value.bytes)
      })
  }

  private func text(of result: Result) -> String {
    var lines: [String] = []
    if result.generation == 0 {
      lines.append("no policy is in force; type: gatehouse policy apply FILE --confirm-within 60s")
    } else {
      let sync =
        result.isInSync ? "in force" : "NOT in the kernel as applied: gatehouse policy verify"
      lines.append(
        "generation \(result.generation) of \(result.policy ?? "?"), \(sync) (kernel generation \(result.kernelGeneration))"
      )
    }
    if result.mode == "audit" { lines.append("AUDIT: what would be denied is counted and let in") }
    if result.isPanic { lines.append("PANIC: only management is let in; gatehouse panic off") }
    if let pending = result.pending {
      lines.append(
        "PENDING: goes back to generation \(pending.previous) unless confirmed: gatehouse policy confirm \(pending.token)"
      )
    }
    let rows = result.rules.map { [$0.rule, "\($0.packets)", "\($0.bytes)"] }
    lines.append("\(result.bans) banned, \(result.allowances.count) allowed by hand")
    return lines.joined(separator: "\n")
      + (rows.isEmpty ? "" : "\n\n" + table(["RULE", "PACKETS", "BYTES"], rows))
  }
}

struct PolicyVerify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Whether the kernel holds what was applied.",
    discussion: """
      Compares rules, chains and sets with the generation in force; elements only
      where somebody has written since, or with --deep. Warns when the hours of
      services were not worked out for so long that they would soon end.

      EXAMPLES
        gatehouse policy verify --deep
        gatehouse policy verify --fix     apply the generation in force once more

      Exit code 0: in sync, or fixed. 1: in sync, but schedules end soon. 2: it is
      not in sync, or the kernel could not be asked (it needs root, or
      CAP_NET_ADMIN).
      """)

  @OptionGroup var state: StoreOption

  @Flag(help: "Read every element of every set.")
  var deep = false

  @Flag(help: "Apply the generation in force once more where it differs.")
  var fix = false

  @Flag(help: "Print data instead of lines.")
  var json = false

  private struct Result: Encodable {
    let isInSync: Bool
    let generation: UInt64
    let kernelGeneration: UInt32
    /// As the agent heard of it.
    let lastWriter: String?
    let drift: [String]
    let isFixed: Bool
    /// Which schedules end soon, and when; nil for none.
    let schedules: String?
  }

  func run() throws {
    let result: Result = try orFail { try verify() }
    if json {
      print(try jsonText(result))
    } else {
      for line in result.drift { print(line) }
      if let warning = result.schedules { print("warning: \(warning)") }
      if !result.isInSync {
        print(
          result.lastWriter.map { "last change by \($0)" }
            ?? "who did it is not known: the kernel tells only those who listen, as gatehouse agent does"
        )
      }
      print(
        result.isFixed
          ? "fixed: generation \(result.generation) is in force as it was applied"
          : result.isInSync
            ? "in sync: generation \(result.generation), kernel generation \(result.kernelGeneration)"
            : "\(result.drift.count) difference(s); to put them right: gatehouse policy verify --fix"
      )
    }
    if !result.isInSync, !result.isFixed { throw ExitCode.failed }
    if result.schedules != nil, !result.isFixed { throw ExitCode.no }
  }

  private func verify() throws -> Result {
    let loaded = try LoadedPolicy.inForce(state.store)
    let kept = try state.store.state()
    let generation = try FirewallKernel.generation()
    let drift = try FirewallKernel.drift(
      from: loaded.ruleset, rules: kept.rules,
      elements: deep || generation != kept.kernelGeneration)
    let schedules = loaded.compiled.endingSchedules(appliedAt: kept.appliedAt)
    let isFixed = fix && !(drift.isEmpty && schedules == nil)
    if isFixed {
      try PolicyApplication(state.store).restore(
        kept.generation,
        reason: drift.isEmpty ? "schedules end soon" : "the kernel was not as applied")
    }
    return Result(
      isInSync: drift.isEmpty, generation: kept.generation, kernelGeneration: generation,
      lastWriter: try state.store.lastCommit()?.description,
      drift: drift.map { "\($0.subject) \($0.fault)" }, isFixed: isFixed, schedules: schedules)
  }
}
