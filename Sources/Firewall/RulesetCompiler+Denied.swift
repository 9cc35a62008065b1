/// Where all that is denied ends: whose packet it was is noted, and then it is dropped; in audit mode, let in.
///
/// ```
/// dropped, would_drop: IPv4 -> the source's element counts | IPv6 -> its /64's | drop, or accept
/// ```
/// A set without room ends the rule that notes, so the verdict has a rule of its own
/// (docs/decisions/019-whom-the-kernel-drops.md).
extension RulesetCompiler {
  /// Of what the policy denies.
  var denial: Verdict { end(policy.isOnTrial ? .accept : .drop) }

  /// Notes the source, and then does what it says.
  func end(_ verdict: Verdict) -> Verdict {
    .goto(verdict == .accept ? DeniedSets.audited.chain : DeniedSets.dropped.chain)
  }

  mutating func addEnds() {
    var ends = [(DeniedSets.dropped, Verdict.drop)]
    if policy.mode == .audit {
      // Panic drops, also while the rest is on trial; what was noted before stays.
      ends = (policy.isPanic ? ends : []) + [(DeniedSets.audited, .accept)]
    }
    for (sets, verdict) in ends {
      ruleset.sets += [sets.ipv4, sets.ipv6]
      let rules: [Rule] = [
        Expression.source(.ipv4) + [.note(set: sets.ipv4.name)],
        Expression.source(.ipv6, prefix: 64) + [.note(set: sets.ipv6.name)],
        [.verdict(verdict)],
      ]
      ruleset.chains.append(Chain(name: sets.chain, rules: rules))
    }
  }
}

/// The sets of sources that were denied, and the chain that fills them. Those of an audit have names of
/// their own: nobody whom it let in is later told of as dropped.
struct DeniedSets {
  static let dropped = DeniedSets("dropped")
  static let audited = DeniedSets("would_drop")

  /// Of each family; who comes new to a full set is not noted.
  static let sizeLimit: UInt32 = 65_536
  /// So long after its last packet a source is forgotten.
  static let memorySeconds: UInt64 = 600

  let chain: String
  let ipv4: NamedSet
  /// Of /64s.
  let ipv6: NamedSet

  private init(_ name: String) {
    func set(_ suffix: String, _ key: NamedSet.Key) -> NamedSet {
      NamedSet(
        name: name + suffix, key: key, isInterval: false,
        filling: .rules(size: Self.sizeLimit, timeoutSeconds: Self.memorySeconds))
    }
    chain = name
    ipv4 = set("4", .ipv4)
    ipv6 = set("6", .ipv6)
  }
}
