internal import Configuration
public import Firewall
internal import Proxy

/// Why a packet gets in or does not: every stage that it meets, in the kernel's order.
public struct PolicyExplanation: Sendable {
  public enum Result: String, Sendable, Encodable {
    case no, allow, deny, ok, skipped
    /// Of a limit: whether it denies depends on what came before, or it has denied lately.
    case depends, over
  }

  public struct Stage: Sendable, Encodable {
    public var name: String
    public var result: Result
    public var detail: String
    /// `file:line` of what decided.
    public var place: String?
    /// The kernel's counter of this end, and what it has seen.
    public var counter: String?
    public var hits: UInt64?
  }
  public var outcome: PolicyOutcome
  public var stages: [Stage] = []
  /// What of the policy's lists covers the source where that decides, each with its place.
  public var entries: [Stage] = []
  /// What to do to let it in; nil when it gets in.
  public var advice: String?
  /// The ban that keeps the source out, whatever the policy says.
  public private(set) var ban: KernelBans.Ban?

  /// As the proxy judges it: of bans and limits the kernel knows, and loopback is a source like others.
  public init(of packet: Packet, by compiled: CompiledPolicy) {
    self.init(PolicyStages(of: packet, by: compiled), banned: nil, passesLoopback: false)
  }

  /// As the kernel judges it. `dropped`: what it dropped of the source lately.
  public init(
    of packet: Packet, by compiled: CompiledPolicy, banned: KernelBans.Ban?,
    counters: [String: LiveRuleset.Count] = [:], dropped: KernelDenials.Source? = nil
  ) {
    self.init(
      PolicyStages(of: packet, by: compiled, counters: counters, dropped: dropped),
      banned: banned, passesLoopback: true)
  }

  private init(_ reader: PolicyStages, banned: KernelBans.Ban?, passesLoopback: Bool) {
    outcome = reader.outcome
    if passesLoopback, reader.packet.source.isLoopback {
      outcome = .allowedAsEssential
      stages = [Stage(name: Self.loopback, result: .allow, detail: "always let in by the kernel")]
      return
    }
    if outcome == .allowedAsEssential {
      stages = [
        Stage(name: "essentials", result: .allow, detail: "neighbours, path MTU, a limited ping")
      ]
      return
    }
    entries = reader.entries
    stages = [reader.management]
    if outcome == .allowedByManagement { return }
    ban = banned
    stages.append(reader.ban(banned))
    stages.append(reader.deny)
    if reader.compiled.policy.isPanic {
      stages.append(
        Stage(name: "panic", result: .deny, detail: "only management is let in", counter: "r_panic")
      )
    }
    stages += reader.service
    if let banned {
      advice = Self.advice(against: banned, outcome)
    } else {
      advice = outcome.isAllowed ? nil : reader.advice
    }
  }

  /// Before all others, where there is one.
  private static let loopback = "loopback"

  private var isByLoopback: Bool { stages.first?.name == Self.loopback }

  /// While it is banned nothing else helps.
  private static func advice(against ban: KernelBans.Ban, _ outcome: PolicyOutcome) -> String {
    let first = "To allow: gatehouse ban del \(ban.network)"
    guard !outcome.isAllowed else { return first }
    return "\(first)\nWithout the ban it would still be \(outcome.sentence)"
  }

  /// What the proxy says of a request over the connection; it asks the same rules.
  public mutating func add(
    requestTo host: String, _ path: String, _ packet: Packet, _ compiled: CompiledPolicy
  ) {
    if isByLoopback, !passesProxy(packet, compiled) { return }
    guard case .tcp(let port) = packet.content,
      let access = PolicyRequests.access(compiled.policy, compiled.verdict, port: port),
      let service = compiled.verdict.service(.tcp, port: port),
      let rules = compiled.policy.services.first(where: { $0.name == service.name })?.http
    else {
      stages.append(Stage(name: "http", result: .ok, detail: "no rules for requests here"))
      return
    }
    guard let matching = access.matching(host: host, path: path) else {
      stages.append(
        Stage(name: "http", result: .deny, detail: "the path could be read in more than one way"))
      return
    }
    let client = IPAddress(packet.source)
    for match in matching {
      let rule = rules[match.rule]
      let isAllowed = access.rules[match.rule].sources.allows(client, at: compiled.time)
      let names = rule.allow.map(\.text).joined(separator: ", ")
      let reading = match.isAsWritten ? "" : "; a server may read the path so"
      stages.append(
        Stage(
          name: "http", result: isAllowed ? .allow : .deny,
          detail: "\(rule.host) \(rule.path ?? "/**") allow: \(names)\(reading)",
          place: rule.place.inFile))
      if !isAllowed {
        advice = "To allow: add its group to services.\(service.name).http[\(match.rule)].allow"
      }
    }
    guard !matching.contains(where: \.isAsWritten) else { return }
    let isAllowed = access.others.allows(client, at: compiled.time)
    let what = matching.isEmpty ? "it" : "the path as it is written"
    stages.append(
      Stage(
        name: "http", result: isAllowed ? .allow : .deny,
        detail: "no rule for requests names \(what); allow of the service decides",
        place: compiled.policy.services.first { $0.name == service.name }.map {
          "\($0.place.file):\($0.place.line)"
        }))
  }

  /// Whether the proxy keeps the connection of a loopback address (docs/decisions/001).
  private mutating func passesProxy(_ packet: Packet, _ compiled: CompiledPolicy) -> Bool {
    let reader = PolicyStages(of: packet, by: compiled)
    guard !reader.outcome.isAllowed else { return true }
    stages.append(
      Stage(
        name: "proxy", result: .deny,
        detail: "asks the policy for loopback, too: \(reader.outcome.sentence)"))
    advice = reader.advice
    return false
  }

  /// The verdict in a line.
  public var sentence: String {
    if ban != nil { return "DENIED by a ban" }
    let isRefusedByProxy = outcome.isAllowed && stages.contains { $0.result == .deny }
    if isRefusedByProxy { return "DENIED by the proxy (http); the kernel lets the connection in" }
    return isByLoopback ? "ALLOWED by loopback" : outcome.sentence.capitalizedVerdict
  }

  /// Whether it gets in, bans counted.
  public var isAllowed: Bool { outcome.isAllowed && !stages.contains { $0.result == .deny } }
}

extension String {
  fileprivate var capitalizedVerdict: String {
    let word = prefix { $0.isLetter }
    return word.uppercased() + dropFirst(word.count)
  }
}
