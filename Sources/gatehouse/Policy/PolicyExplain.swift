import ArgumentParser
import Configuration
import Control
import Firewall
import Foundation

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

  @Option(help: "When, such as \"2026-12-24 22:00\"; now when left out.")
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
  }

  func run() throws {
    let packet = try PacketText.packet(from: address, to: port)
    if policy == nil, try orFail({ try state.store.state().generation == 0 }) {
      report(
        CommandFailure(
          "no policy is in force in \(state.store.folder); name one with --policy FILE, or type: gatehouse policy apply FILE"
        ))
      throw ExitCode.unknown
    }
    let loaded = try PacketText.moved(
      LoadedPolicy.read(orInForce: policy, state.store, json: json), to: at)
    let live = policy == nil ? try? FirewallKernel.live() : nil
    let doubt = policy == nil ? self.doubt(live, loaded) : nil
    let banned = live == nil ? nil : try? BanBook(state.store).ban(of: packet.source)
    var explanation = PolicyExplanation(
      of: packet, by: loaded.compiled, banned: banned ?? nil, counters: live?.counters ?? [:])
    if let host, explanation.isAllowed {
      explanation.add(requestTo: host, path, packet, loaded.compiled)
    }
    let isLetIn =
      !explanation.isAllowed && loaded.policy.mode == .audit
      && !loaded.verdict.policy.isPanic
    let others = (policy == nil ? try? FirewallKernel.otherChains() : nil) ?? []
    if json {
      print(
        try jsonText(
          Result(
            verdict: explanation.isAllowed ? "allow" : "deny", isLetInByAudit: isLetIn,
            sentence: explanation.sentence, stages: explanation.stages, advice: explanation.advice,
            otherChains: others.map(\.description))))
    } else {
      print(text(explanation, others, isLetIn: isLetIn))
    }
    if let doubt {
      report(CommandFailure(doubt))
      throw ExitCode.unknown
    }
    if !explanation.isAllowed { throw ExitCode.no }
  }

  /// Why the kernel may do otherwise than the policy in force; nil when it does the same.
  private func doubt(_ live: LiveRuleset?, _ loaded: LoadedPolicy) -> String? {
    guard (try? FirewallKernel.exists()) != nil else {
      return "the kernel was not asked: that needs root, or CAP_NET_ADMIN"
    }
    guard live?.digest != loaded.digest else { return nil }
    return
      "the kernel does not hold the generation in force as it was applied: gatehouse policy verify"
  }

  private func text(
    _ explanation: PolicyExplanation, _ others: [FirewallKernel.OtherChain], isLetIn: Bool
  ) -> String {
    var lines = ["VERDICT  \(explanation.sentence)"]
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

/// Packets and moments as they are typed.
enum PacketText {
  static func packet(from address: String, to port: String) throws -> Packet {
    guard let source = Address(parsing: address) else {
      report(CommandFailure("\"\(address)\" is no address; allowed: 192.0.2.7 or 2001:db8::7"))
      throw ExitCode.failed
    }
    guard let content = Packet.Content(parsing: port) else {
      report(
        CommandFailure(
          "\"\(port)\" is no port; allowed: tcp/443, udp/53, icmp/8, icmpv6/128, ip/47"))
      throw ExitCode.failed
    }
    // Neighbours are on the same link: nothing has lowered it.
    let isNeighbour = if case .icmpv6(133...136) = content { true } else { false }
    return Packet(from: source, content, hopLimit: isNeighbour ? 255 : 64)
  }

  /// The policy at another time.
  static func moved(_ loaded: LoadedPolicy, to text: String?) throws -> LoadedPolicy {
    guard let text else { return loaded }
    let time = try moment(text)
    return LoadedPolicy(
      compiled: CompiledPolicy(loaded.policy.scheduled(from: time), at: time),
      warnings: loaded.warnings)
  }

  /// Unix time of a minute in the machine's time zone.
  static func moment(_ text: String) throws -> Int64 {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.dateFormat = "yyyy-MM-dd HH:mm"
    guard let date = formatter.date(from: text.replacing("T", with: " ")) else {
      report(CommandFailure("--at \"\(text)\" is no minute; allowed: \"2026-12-24 22:00\""))
      throw ExitCode.failed
    }
    return Int64(date.timeIntervalSince1970)
  }
}
