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
    let hasTable: Bool
    let generation, confirmed: UInt64
    let kernelGeneration: UInt32
    let policy: String?
    let mode: String?
    let pending: PolicyState.Pending?
    let isPanic: Bool
    let allowances: [PolicyOverrides.Allowance]
    let bans: Int
    let rules: [Rule]
    /// What is wrong with the file of what was done by hand; nil for nothing.
    let overridesFault: String?
  }

  func run() throws {
    var result: Result = try self.result()
    // Somebody may be in the midst of a change.
    if !result.isInSync { result = try state.store.considerately { try self.result() } }
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
    var pending = kept.pending
    // Thousands, and nobody's business.
    pending?.connections = nil
    let live = try FirewallKernel.live()
    let policy = kept.generation > 0 ? try? store.policy(of: kept.generation) : nil
    let unapplied = policy.flatMap { store.unappliedOverrides($0) }
    return Result(
      isInSync: kept.isInKernel(live, policy) && unapplied == nil, hasTable: live != nil,
      generation: kept.generation,
      confirmed: kept.confirmed, kernelGeneration: try FirewallKernel.generation(),
      policy: kept.policyPath, mode: policy?.mode.rawValue, pending: pending,
      isPanic: policy?.isPanic ?? (kept.generation > 0 && overrides.panic != nil),
      allowances: overrides.allowances,
      bans: live == nil ? 0 : try bans(),
      rules: (live?.counters ?? [:]).sorted { $0.key < $1.key }.map {
        Rule(rule: $0.key, packets: $0.value.packets, bytes: $0.value.bytes)
      }, overridesFault: store.overridesFault ?? unapplied)
  }

  /// A table that has gone meanwhile bans nobody.
  private func bans() throws -> Int {
    do { return try BanBook(state.store).list().count } catch {
      guard try FirewallKernel.exists() else { return 0 }
      throw error
    }
  }

  private static func text(of pending: PolicyState.Pending) -> [String] {
    let seconds = pending.secondsLeft
    guard seconds > 0 || PolicyGuard.isAlive(pending) else {
      return [
        "OVERDUE: generation \(pending.generation) was not confirmed, and its guard is gone: gatehouse policy rollback"
      ]
    }
    let line =
      "PENDING: goes back to generation \(pending.previous) in \(seconds) s unless confirmed: gatehouse policy confirm \(pending.token)"
    let warning =
      "warning: its guard is gone; unless an agent runs, nobody goes back: gatehouse policy rollback"
    return PolicyGuard.isAlive(pending) ? [line] : [line, warning]
  }

  private func text(of result: Result) -> String {
    var lines: [String] = []
    if result.generation == 0 {
      lines.append("no policy is in force; type: gatehouse policy apply FILE --confirm-within 60s")
      if result.hasTable {
        lines.append(
          "but the kernel has table inet gatehouse, applied from another folder: name it with --state"
        )
      }
    } else {
      let sync =
        result.isInSync ? "in force" : "NOT in the kernel as applied: gatehouse policy verify"
      lines.append(
        "generation \(result.generation) of \(result.policy ?? "?"), \(sync) (kernel generation \(result.kernelGeneration))"
      )
    }
    if result.mode == "audit", !result.isPanic {
      lines.append("AUDIT: what would be denied is counted and let in")
    }
    if result.isPanic { lines.append(PolicyText.panic) }
    if let pending = result.pending { lines += Self.text(of: pending) }
    if let fault = result.overridesFault { lines.append("warning: \(fault)") }
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
    var result: Result = try verify()
    // Somebody may be in the midst of a change.
    if !fix, !result.isInSync { result = try state.store.considerately { try verify() } }
    if json {
      print(try jsonText(result))
    } else {
      for line in result.drift { print(line) }
      if let warning = result.schedules { print("warning: \(warning)") }
      if !result.isInSync {
        print(
          result.lastWriter.map { "the last change, of this table or another, by \($0)" }
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
    let applied = CompiledPolicy.applied(loaded.policy, kept)
    let generation = try FirewallKernel.generation()
    let drift =
      try FirewallKernel.drift(
        from: applied.ruleset, rules: kept.rules,
        elements: deep || generation != kept.kernelGeneration,
        after: UInt64(clamping: loaded.now.subtractingReportingOverflow(applied.time).partialValue)
      ).map { "\($0.subject) \($0.fault)" }
      + [state.store.unappliedOverrides(loaded.policy)].compactMap(\.self)
    let schedules = loaded.compiled.endingSchedules(appliedAt: kept.appliedAt)
    let isFixed = fix && !(drift.isEmpty && schedules == nil)
    if isFixed {
      try PolicyApplication(state.store).restore(
        kept.generation,
        reason: drift.isEmpty ? "schedules end soon" : "the kernel was not as applied")
    }
    // Whoever wrote after the agent had ended was not heard.
    let writer = try state.store.lastCommit().flatMap { $0.generation == generation ? $0 : nil }
    return Result(
      isInSync: drift.isEmpty, generation: kept.generation, kernelGeneration: generation,
      lastWriter: writer?.description,
      drift: drift, isFixed: isFixed, schedules: schedules)
  }
}
