/// Sources that could connect to a service and no longer can. Their connections are forgotten, but a service
/// that goes on sending would bring them back as connections of its own: what comes from these sources to a
/// service is judged packet by packet (`RulesetCompiler`). Needs CAP_NET_ADMIN.
public enum KernelRevocations {
  /// After so long nothing sends any more to whom it does not hear.
  static let memorySeconds: UInt64 = 86_400
  /// One message holds so many, each of some forty bytes.
  private static let batchLimit = 1000

  public static func add(_ sources: Set<Address>) throws(FirewallKernelError) {
    let socket = try NetlinkSocket()
    for set in NamedSet.revoked {
      let keys = sources.compactMap { $0.key(of: set) }.sorted()
      for start in stride(from: 0, to: keys.count, by: batchLimit) {
        let elements = keys[start..<min(start + batchLimit, keys.count)].map {
          SetElement(first: $0, last: $0, timeoutSeconds: memorySeconds)
        }
        _ = try NetlinkTransaction { encoder throws(FirewallKernelError) in
          try encoder.renew(elements, in: set)
        }.run(on: socket)
      }
    }
  }
}

extension NamedSet {
  static let revoked = [
    NamedSet(name: "revoked4", key: .ipv4, isInterval: false, filling: .bans),
    NamedSet(name: "revoked6", key: .ipv6, isInterval: false, filling: .bans),
  ]
}

extension Address {
  fileprivate func key(of set: NamedSet) -> UInt128? {
    switch (self, set.key) {
    case (.ipv4(let bits), .ipv4): UInt128(bits)
    case (.ipv6(let bits), .ipv6): bits
    case (.ipv4, _), (.ipv6, _): nil
    }
  }
}
