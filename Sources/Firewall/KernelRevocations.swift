/// Sources that could connect to a service and no longer can. Their connections are forgotten, but a service
/// that goes on sending would bring them back as connections of its own: what comes from these sources to a
/// service is judged packet by packet (`RulesetCompiler`). Needs CAP_NET_ADMIN.
public enum KernelRevocations {
  /// So long after the last packet that came from there. The kernel's rules begin it anew at each.
  static let memorySeconds: UInt64 = 86_400
  /// One message holds so many, each of some forty bytes.
  private static let batchLimit = 1000

  /// `ports`: to which they had connections.
  public static func add(
    _ sources: Set<Address>, _ ports: Set<FirewallPolicy.Port>
  ) throws(FirewallKernelError) {
    let socket = try NetlinkSocket()
    for set in NamedSet.revoked {
      try add(sources.compactMap { $0.key(of: set) }, to: set, socket)
    }
    for (transport, set) in NamedSet.revokedPorts {
      let own = ports.filter { $0.transport == transport }
      try add(own.map { UInt128($0.first) }, to: set, socket)
    }
  }

  private static func add(
    _ keys: [UInt128], to set: NamedSet, _ socket: borrowing NetlinkSocket
  ) throws(FirewallKernelError) {
    let keys = keys.sorted()
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

extension NamedSet {
  static let revoked = [
    NamedSet(name: "revoked4", key: .ipv4, isInterval: false, filling: .bans),
    NamedSet(name: "revoked6", key: .ipv6, isInterval: false, filling: .bans),
  ]
}

extension NamedSet {
  static let revokedPorts: [(FirewallPolicy.Port.Transport, NamedSet)] =
    FirewallPolicy.Port.Transport.allCases.map {
      ($0, NamedSet(name: "revoked_\($0)", key: .service, isInterval: false, filling: .bans))
    }
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
