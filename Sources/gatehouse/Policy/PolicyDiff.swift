import ArgumentParser
import Control
import Firewall
import Foundation

struct PolicyDiff: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Who would gain and who would lose by an apply.",
    discussion: """
      Compares the policy with the generation in force, in addresses, with the
      connections that are open and what the rule has seen. What else changes is
      marked with ~: ends, limits, bans, hours, rules for requests, settings. Then
      it says what the kernel thinks of it, and whether somebody would be locked
      out.

      Exit code 0: nothing would change. 1: something would. 2: the kernel would
      refuse it, or could not be asked (it needs root, or CAP_NET_ADMIN).
      """)

  @OptionGroup var options: PolicyOptions

  private struct Change: Encodable {
    let service: String
    let ports, gained, lost: [String]
    let openConnections: Int
    let hits: UInt64?
  }

  private struct Result: Encodable {
    let isApplied, isSame: Bool
    let generation: UInt64?
    /// How the changes are to be read, such as that nothing is in force yet.
    let notes: [String]
    let changes: [Change]
    let others: [String]
    let lockOut: String?
    /// What the apply would do to sets; nil when the policy is in force.
    let plan: Plan?
    /// What the kernel says against it.
    let refusal: String?
  }

  private struct Plan: Encodable {
    let changedElements, freshSets, freshElements: Int

    init(_ plan: FirewallKernel.Plan) {
      changedElements = plan.changedElements
      freshSets = plan.freshSets
      freshElements = plan.freshElements
    }
  }

  func run() throws {
    let loaded = try options.load()
    let store = options.state.store
    let live = try FirewallKernel.live()
    let state = try store.state()
    let isInForce = live?.digest == loaded.digest
    let kept = live.flatMap { _ in try? store.policy(of: state.generation) }
      .map { CompiledPolicy($0, at: loaded.now) }
    let old = isInForce ? loaded.compiled : kept
    let changes = PolicyChanges(
      from: old, to: loaded.compiled, connections: PolicyChanges.openConnections(),
      counters: live?.counters ?? [:])
    let notes = Self.notes(live, old, loaded, store)
    let lockOut = try LockOutCheck(loaded.compiled, store).refusal
    let plan = isInForce ? nil : try FirewallKernel.plan(loaded.ruleset)
    let refusal = isInForce ? nil : Self.refusal(of: loaded.ruleset)
    if options.json {
      print(
        try jsonText(
          Result(
            isApplied: live != nil, isSame: isInForce, generation: live?.generation,
            notes: notes, changes: changes.changes.map(Self.data), others: changes.others,
            lockOut: lockOut, plan: plan.map(Plan.init), refusal: refusal)))
    } else {
      for note in notes { print(note) }
      print(
        isInForce
          ? "in sync: generation \(live?.generation ?? 0) is this policy" : Self.text(changes))
      if let plan {
        print(Self.text(of: plan))
        print(lockOut ?? "lock-out check ok")
        print(refusal.map { "the kernel refuses it: \($0)" } ?? "kernel dry run ok")
      }
    }
    if refusal != nil { throw ExitCode.failed }
    if !isInForce { throw ExitCode.no }
  }

  /// Why the kernel would not take it; nil when it would.
  private static func refusal(of ruleset: Ruleset) -> String? {
    do { try FirewallKernel.check(ruleset) } catch { return "\(error)" }
    return nil
  }

  private static func data(_ change: PolicyChanges.Change) -> Change {
    let networks = change.sources.networks.map(\.description)
    return Change(
      service: change.service, ports: change.ports.map(\.description),
      gained: change.isGain ? networks : [], lost: change.isGain ? [] : networks,
      openConnections: change.openConnections, hits: change.hits)
  }

  private static func text(of plan: FirewallKernel.Plan) -> String {
    "plan: \(plan.changedElements) element(s) change in place, \(plan.freshSets) set(s) with "
      + "\(plan.freshElements) element(s) are made anew, all rules are written in one transaction"
  }

  private static func notes(
    _ live: LiveRuleset?, _ old: CompiledPolicy?, _ loaded: LoadedPolicy, _ store: PolicyStore
  ) -> [String] {
    guard let live else {
      let start = "nothing is applied: everybody gets in everywhere"
      return [
        loaded.isOnTrial
          ? "\(start), and does after an apply (mode: audit); the policy would let in only these:"
          : "\(start); after an apply only these:"
      ]
    }
    var notes: [String] = []
    if live.digest == nil {
      notes.append(
        "others have changed the rules since the last apply: gatehouse policy verify")
    }
    if old == nil {
      notes.append(
        "what is in force is not kept in \(store.folder): who loses is not known; "
          + "after an apply only these get in:")
    }
    return notes
  }

  private static func text(_ changes: PolicyChanges) -> String {
    if changes.isEmpty { return "nobody gains, nobody loses" }
    var lines: [String] = []
    for change in changes.changes {
      var facts = [change.sources.sizeText]
      if !change.isGain {
        facts.append("\(change.openConnections) open connection(s)")
        if let hits = change.hits { facts.append("its rule has let in \(hits) packets") }
      }
      lines.append(
        "\(change.isGain ? "+ gains" : "- loses"): \(change.sources.text) -> "
          + "\(change.service) \(PolicyText.ports(change.ports)) (\(facts.joined(separator: ", ")))"
      )
    }
    return (lines + changes.shownOthers.map { "~ \($0)" }).joined(separator: "\n")
  }
}
