import ArgumentParser
import Control
import Firewall

struct PolicyExplain: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Why somebody gets in, or does not.",
    discussion: """
      EXAMPLES
        gatehouse policy explain 203.0.113.70 tcp/5432
        gatehouse policy explain 203.0.113.70 tcp/443 --host admin.example.com --path /
        gatehouse policy explain 203.0.113.70 tcp/443 --policy policies/web.yaml

      Without --policy it is the generation in force, with the kernel's own
      counters and bans. Exit code 0: allowed. 1: denied. 3: unknown, because no
      policy is in force, or the kernel does not hold it as it was applied.
      """)

  @Argument(help: "Who: an address.")
  var address: String

  @Argument(help: "To what: tcp/443, udp/53, icmp/8, icmpv6/128.")
  var port: String

  @Option(help: "The host of a request.")
  var host: String?

  @Option(help: "The path of a request.")
  var path = "/"

  @Option(help: "A policy file; the generation in force when left out.")
  var policy: String?

  @Option(help: ArgumentHelp(TypedMinutes.help))
  var at: String?

  @OptionGroup var state: StoreOption

  @Flag(help: "Print data instead of lines.")
  var json = false

  private struct Result: Encodable {
    let verdict: String
    /// It would be denied, and is let in all the same: the policy is on trial.
    let isLetInByAudit: Bool
    let sentence: String
    let stages: [PolicyExplanation.Stage]
    let advice: String?
    let otherChains: [String]
    /// Of the generation in force; nil of a file.
    let generation: UInt64?
    /// Nil where the kernel was not asked.
    let kernelGeneration: UInt32?
    let isInSync: Bool?
  }

  func run() throws {
    let packet = try PacketText.packet(from: address, to: port)
    let store = state.store
    if policy == nil { try store.requireGeneration(hint: "name one with --policy FILE") }
    let read = try LoadedPolicy.read(orInForce: policy, store)
    let loaded = try TypedMinutes(of: read.policy, file: policy).moved(read, to: at)
    let inForce = policy == nil ? try GenerationInForce(loaded, store) : nil
    let ban = try? inForce?.ban(of: packet.source, at: loaded.now)
    var explanation = PolicyExplanation(
      of: packet, by: loaded.compiled, banned: ban, counters: inForce?.live?.counters ?? [:],
      dropped: at == nil ? inForce?.dropped(packet, loaded.compiled) : nil)
    if let host, explanation.isAllowed {
      explanation.add(requestTo: host, path, packet, loaded.compiled)
    }
    try tell(explanation, inForce, isLetIn: !explanation.isAllowed && loaded.isOnTrial)
    if let doubt = inForce?.doubt {
      report(CommandFailure(doubt))
      throw ExitCode.unknown
    }
    if !explanation.isAllowed { throw ExitCode.no }
  }

  private func tell(
    _ explanation: PolicyExplanation, _ inForce: GenerationInForce?, isLetIn: Bool
  ) throws {
    let others = inForce?.otherChains ?? []
    guard json else { return print(text(explanation, inForce, others, isLetIn: isLetIn)) }
    print(
      try jsonText(
        Result(
          verdict: explanation.isAllowed ? "allow" : "deny", isLetInByAudit: isLetIn,
          sentence: explanation.sentence, stages: explanation.stages, advice: explanation.advice,
          otherChains: others, generation: inForce?.number,
          kernelGeneration: inForce?.kernelGeneration, isInSync: inForce?.isInSync)))
  }

  private func text(
    _ explanation: PolicyExplanation, _ inForce: GenerationInForce?, _ others: [String],
    isLetIn: Bool
  ) -> String {
    let standing = inForce.map { "   (\($0.standing))" } ?? ""
    var lines = ["VERDICT  \(explanation.sentence)\(standing)"]
    if isLetIn { lines.append("AUDIT    the policy is on trial: this is counted, and let in") }
    lines += ["", ExplanationText.steps(explanation.stages)]
    if let advice = explanation.advice { lines += ["", advice] }
    if !others.isEmpty {
      lines += ["", "Other tables on this path, which can drop what is accepted here:"]
      lines += others.map { "  \($0)" }
    }
    return lines.joined(separator: "\n")
  }
}
