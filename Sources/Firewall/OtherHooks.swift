import CNftables

extension FirewallKernel {
  /// A chain of another table that packets meet on their way in: an accept of ours ends nothing there.
  public struct OtherChain: Sendable, Equatable, CustomStringConvertible {
    public var table: String
    public var chain: String
    public var hook: Hook

    public var description: String { "table \(table) chain \(chain) (\(hook))" }
  }

  /// Base chains of other tables at prerouting and input, whatever they filter.
  public static func otherChains() throws(FirewallKernelError) -> [OtherChain] {
    let socket = try NetlinkSocket()
    return try untilCalm { () throws(FirewallKernelError) in try socket.otherChains() }
  }
}

extension NetlinkSocket {
  fileprivate func otherChains() throws(FirewallKernelError) -> [FirewallKernel.OtherChain]? {
    var chains: [FirewallKernel.OtherChain] = []
    let isWhole = try dumpChains { message in
      let attributes = message.attributes
      guard let hook = attributes.nested(NFTA_CHAIN_HOOK.rawValue).flatMap(Hook.init(reading:)),
        let table = attributes.string(NFTA_CHAIN_TABLE.rawValue),
        let name = attributes.string(NFTA_CHAIN_NAME.rawValue)
      else { return }
      let family = Self.familyName(message.family)
      guard table != Ruleset.table || family != "inet" else { return }
      chains.append(.init(table: "\(family) \(table)", chain: name, hook: hook))
    }
    return isWhole ? chains : nil
  }

  private static func familyName(_ number: UInt8?) -> String {
    switch number.map(UInt32.init) {
    case UInt32(NFPROTO_INET): "inet"
    case UInt32(NFPROTO_IPV4): "ip"
    case UInt32(NFPROTO_IPV6): "ip6"
    case UInt32(NFPROTO_NETDEV): "netdev"
    case UInt32(NFPROTO_BRIDGE): "bridge"
    default: "?"
    }
  }
}
