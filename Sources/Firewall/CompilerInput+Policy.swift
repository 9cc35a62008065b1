extension CompilerInput {
  /// The policy as the compiler needs it: what the proxy and explanations evaluate, and no other.
  public init(_ verdict: PolicyVerdict) {
    self.init()
    protect = verdict.protect
    deny = Sources(verdict.deny)
    management = Management(
      sources: Sources(verdict.managementFrom), ports: verdict.managementTo)
    services = verdict.services.map {
      Service(
        name: $0.name, listen: $0.listen, allow: Sources($0.allow), deny: Sources($0.deny))
    }
  }
}

extension Sources {
  init(_ set: AddressSet) {
    self.init()
    isAny = set == .any
    ipv4 = set.ipv4.map { Interval($0.first, $0.last, until: $0.until) }
    ipv6 = set.ipv6.map { Interval($0.first, $0.last, until: $0.until) }
  }
}
