/// A ruleset in nft's words: `nft -f` brings the kernel to it, from nothing or from an older one.
public struct RulesetText {
  /// Existing rules go, sets are refilled, counters stay; what only an older ruleset had, stays too.
  public static func print(_ ruleset: Ruleset) -> String {
    let table = "inet \(Ruleset.table)"
    var lines = ["add table \(table)"]
    lines += ruleset.chains.map { "add chain \(table) \($0.name)\(header($0))" }
    lines.append("flush table \(table)")
    lines += ruleset.counters.map { "add counter \(table) \($0)" }
    for set in ruleset.sets {
      let kind = set.isMap ? "map" : "set"
      lines.append("add \(kind) \(table) \(set.name) { \(header(set)) }")
      if set.isFilledByPolicy { lines.append("flush \(kind) \(table) \(set.name)") }
      guard !set.elements.isEmpty else { continue }
      lines.append("add element \(table) \(set.name) {")
      lines += set.elements.list.map { "  \(text($0, set.key))," }
      lines.append("}")
    }
    for chain in ruleset.chains {
      lines += chain.rules.map { "add rule \(table) \(chain.name) \(text($0))" }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

// MARK: Chains and sets

extension RulesetText {
  private static func header(_ chain: Chain) -> String {
    guard let hook = chain.hook else { return "" }
    return " { type filter hook \(hook.point) priority \(hook.priority); policy drop; }"
  }

  private static func header(_ set: NamedSet) -> String {
    let isDynamic = set.filling != .policy && !set.isInterval
    let flags =
      (set.isInterval ? ["interval"] : []) + (isDynamic ? ["dynamic"] : [])
      + (set.hasTimeout ? ["timeout"] : [])
    return "\(set.key.name)\(set.isMap ? " : verdict" : "");"
      + (set.size > 0 ? " size \(set.size);" : "")
      + (flags.isEmpty ? "" : " flags \(flags.joined(separator: ", "));")
      + (set.timeoutSeconds.map { " timeout \(duration($0));" } ?? "")
  }

  static func text(_ element: SetElement, _ key: NamedSet.Key) -> String {
    var text = text(element.first, key)
    if element.last != element.first { text += "-" + Self.text(element.last, key) }
    if let seconds = element.timeoutSeconds { text += " timeout \(duration(seconds))" }
    if let chain = element.chain { text += " : jump \(chain)" }
    return text
  }

  /// nft reads no more than eight digits of a unit.
  private static func duration(_ seconds: UInt64) -> String {
    let parts = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m")]
    let text = (parts + [(seconds % 60, "s")]).filter { $0.0 > 0 }.map { "\($0.0)\($0.1)" }
    return text.joined()
  }

  static func text(_ value: UInt128, _ key: NamedSet.Key) -> String {
    switch key {
    case .service, .icmpType, .icmpv6Type: String(value)
    // nft reads seconds; dates would be of the machine's time zone.
    case .time: String(value / 1_000_000_000)
    case .ipv4:
      [24, 16, 8, 0].map { String((value >> $0) & 0xff) }.joined(separator: ".")
    case .ipv6: ipv6(value)
    }
  }

  /// As RFC 5952 wants it: the longest run of zeros, if longer than one group, is `::`.
  private static func ipv6(_ value: UInt128) -> String {
    let groups = (0..<8).map { UInt16(truncatingIfNeeded: value >> (112 - 16 * $0)) }
    var longest = 0..<0
    var start = 0
    for index in 0...8 where index == 8 || groups[index] != 0 {
      if index - start > longest.count { longest = start..<index }
      start = index + 1
    }
    func hexadecimal(_ part: ArraySlice<UInt16>) -> String {
      part.map { String($0, radix: 16) }.joined(separator: ":")
    }
    guard longest.count > 1 else { return hexadecimal(groups[...]) }
    return hexadecimal(groups[..<longest.lowerBound]) + "::"
      + hexadecimal(groups[longest.upperBound...])
  }
}

// MARK: Rules

extension RulesetText {
  private static func text(_ rate: FirewallPolicy.Rate) -> String {
    "\(rate.count)/\(rate.unit) burst \(rate.burst) packets"
  }
}

extension RulesetText {
  /// Reads the steps of a rule back into phrases: what register 1 holds names the left side.
  private static func text(_ rule: Rule) -> String {
    var words: [String] = []
    var reading = Reading()
    for expression in rule {
      switch expression {
      case .meta, .payload, .connectionState, .connectionDirection, .destinationType:
        reading.load(expression)
      case .bitwise(let mask): reading.mask = mask
      case .compare(let comparison, let bytes):
        if let phrase = reading.phrase(comparison, bytes) { words.append(phrase) }
      case .toNetworkOrder: break
      case .lookup(let set, let isInverted):
        words.append("\(reading.noun) \(isInverted ? "!= " : "")@\(set)")
      case .verdictLookup(let map): words.append("\(reading.noun) vmap @\(map)")
      case .limit(let rate, let isOver):
        words.append("limit rate \(isOver ? "over " : "")\(text(rate))")
      case .element(let update, let set, .rate(let rate)):
        words.append("\(update) @\(set) { \(reading.noun) limit rate over \(text(rate)) }")
      case .element(let update, let set, .connections(let count)):
        words.append("\(update) @\(set) { \(reading.noun) ct count over \(count) }")
      case .note(let set): words.append("update @\(set) { \(reading.noun) counter }")
      case .ban(let set, let seconds):
        words.append("add @\(set) { \(reading.noun) timeout \(duration(seconds)) }")
      case .prolong(let set, let seconds):
        words.append("update @\(set) { \(reading.noun) timeout \(duration(seconds)) }")
      case .log(let prefix):
        words.append("log prefix \"\(prefix)\" group \(Expression.logGroup) snaplen 128")
      case .counter(let name): words.append("counter name \"\(name)\"")
      case .verdict(.jump(let chain)): words.append("jump \(chain)")
      case .verdict(.goto(let chain)): words.append("goto \(chain)")
      case .verdict(let verdict): words.append("\(verdict)")
      }
    }
    return words.joined(separator: " ")
  }

  /// Where in a rule the reader is: the protocols known so far and what the register holds.
  private struct Reading {
    private var family: UInt8?
    private var transport: UInt8?
    private var register: Expression?
    var mask: [UInt8]?

    mutating func load(_ expression: Expression) {
      register = expression
      mask = nil
    }

    /// What the register holds, and which of its bits.
    var noun: String {
      guard let mask, mask.count != 4 || !isState else { return plainNoun }
      let bits = mask.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
      return "\(plainNoun) & \(RulesetText.text(bits, mask.count == 16 ? .ipv6 : .ipv4))"
    }

    private var isState: Bool { register == .connectionState }

    private var plainNoun: String {
      switch register {
      case .meta(.time): "meta time"
      case .meta(.incomingInterface): "iifname"
      case .meta(.family): "meta nfproto"
      case .meta(.transport): "meta l4proto"
      case .connectionState: "ct state"
      case .connectionDirection: "ct direction"
      case .destinationType: "fib daddr type"
      case .payload(.network, let offset, _):
        family == Expression.Family.ipv4.rawValue
          ? "ip saddr" : offset == 7 ? "ip6 hoplimit" : "ip6 saddr"
      case .payload(.transport, let offset, let length):
        length == 1 ? "\(protocolName) type" : "\(protocolName) \(offset == 0 ? "sport" : "dport")"
      case .bitwise, .compare, .toNetworkOrder, .lookup, .verdictLookup, .limit, .element, .note,
        .ban, .prolong, .log, .counter, .verdict, nil:
        "?"
      }
    }

    private var protocolName: String {
      switch transport.flatMap(Expression.Transport.init) {
      case .icmp: "icmp"
      case .tcp: "tcp"
      case .udp: "udp"
      case .icmpv6: "icmpv6"
      case nil: "th"
      }
    }

    /// Nil for a protocol: what follows implies it.
    mutating func phrase(_ comparison: Expression.Comparison, _ bytes: [UInt8]) -> String? {
      let number = bytes.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
      switch register {
      case .meta(.family):
        family = bytes.first
        return nil
      case .meta(.transport):
        transport = bytes.first
        return nil
      case .meta(.incomingInterface):
        return "\(noun) \"\(String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self))\""
      case .connectionState: return "\(plainNoun) \(states(mask ?? []))"
      case .connectionDirection: return "\(noun) \(bytes == [0] ? "original" : "reply")"
      case .destinationType: return "\(noun) unicast"
      case .payload, .meta(.time), .bitwise, .compare, .toNetworkOrder, .lookup, .verdictLookup,
        .limit, .element, .note, .ban, .prolong, .log, .counter, .verdict, nil:
        let value = bytes.count == 16 ? RulesetText.text(number, .ipv6) : String(number)
        let bits = mask.map { "/\($0.reduce(0) { $0 + $1.nonzeroBitCount })" } ?? ""
        return "\(plainNoun) \(comparison == .equal ? "" : "!= ")\(value)\(bits)"
      }
    }

    private func states(_ mask: [UInt8]) -> String {
      mask == Expression.hostOrder(Expression.invalid) ? "invalid" : "established,related"
    }
  }
}
