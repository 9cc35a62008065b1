import ArgumentParser
import Control
import Firewall
import Foundation

struct PolicyDiff: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Who would gain and who would lose by an apply.",
    discussion: """
      Compares the policy with the generation in force, in addresses, with the
      connections that are open and what the rule has seen; then says what the
      kernel thinks of it, and whether somebody would be locked out.

      Exit code 0: nothing would change. 1: something would. 2: the kernel could
      not be asked (it needs root, or CAP_NET_ADMIN).
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
    let changes: [Change]
    let others: [String]
    let lockOut: String?
  }

  func run() throws {
    let loaded = try options.load()
    let store = options.state.store
    let live = try orFail { try FirewallKernel.live() }
    let state = try orFail { try store.state() }
    let old = live.flatMap { _ in try? store.policy(of: state.generation) }
      .map { CompiledPolicy($0, at: loaded.now) }
    let isInForce = live?.digest == loaded.digest
    let changes = PolicyChanges(
      from: old, to: loaded.compiled, connections: (try? Conntrack.connections()) ?? [],
      counters: live?.counters ?? [:])
    let lockOut = try orFail { try LockOutCheck(loaded.compiled, store) }.refusal
    if options.json {
      print(
        try jsonText(
          Result(
            isApplied: live != nil, isSame: isInForce, generation: live?.generation,
            changes: changes.changes.map(Self.data), others: changes.others, lockOut: lockOut)))
    } else {
      if let live, live.digest == nil {
        print("others have changed the rules since the last apply: gatehouse policy verify")
      }
      print(Self.text(live, changes, isSame: isInForce))
      if !isInForce {
        print(try orFail { try Self.text(of: FirewallKernel.plan(loaded.ruleset)) })
        print(lockOut ?? "lock-out check ok")
        try orFail { try FirewallKernel.check(loaded.ruleset) }
        print("kernel dry run ok")
      }
    }
    if !isInForce { throw ExitCode.no }
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

  private static func text(
    _ live: LiveRuleset?, _ changes: PolicyChanges, isSame: Bool
  ) -> String {
    if isSame { return "in sync: generation \(live?.generation ?? 0) is this policy" }
    var lines = live == nil ? ["nothing is applied: the kernel has no table inet gatehouse"] : []
    for change in changes.changes {
      var facts = [change.sources.sizeText]
      if !change.isGain {
        facts.append("\(change.openConnections) open connection(s)")
        if let hits = change.hits { facts.append("its rule has let in \(hits) packets") }
      }
      lines.append(
        "\(change.isGain ? "+ gains" : "- loses"): \(PolicyText.sources(change.sources)) -> "
          + "\(change.service) \(PolicyText.ports(change.ports)) (\(facts.joined(separator: ", ")))"
      )
    }
    return (lines + changes.others.map { "~ \($0)" }).joined(separator: "\n")
  }
}
