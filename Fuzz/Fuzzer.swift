/// A reader of foreign bytes, and what must hold whatever the bytes.
protocol Fuzzer: Sendable {
  init() throws
  func check(_ bytes: [UInt8]) throws(Fault)
}

/// All of them, by the folder that each has: its corpus lies there.
enum FuzzerName: String, CaseIterable {
  case agentCheck = "agent-check"
  case databaseReader = "database-reader"
  case dnsMessage = "dns-message"
  case elementPacking = "element-packing"
  case feedReader = "feed-reader"
  case grpcHealth = "grpc-health"
  case netlinkDecoder = "netlink-decoder"
  case policyReader = "policy-reader"
  case proxyHeader = "proxy-header"

  func make() throws -> any Fuzzer {
    switch self {
    case .agentCheck: AgentCheckFuzzer()
    case .databaseReader: DatabaseReaderFuzzer()
    case .dnsMessage: DNSMessageFuzzer()
    case .elementPacking: ElementPackingFuzzer()
    case .feedReader: FeedReaderFuzzer()
    case .grpcHealth: GRPCHealthFuzzer()
    case .netlinkDecoder: NetlinkDecoderFuzzer()
    case .policyReader: try PolicyReaderFuzzer()
    case .proxyHeader: ProxyHeaderFuzzer()
    }
  }
}

/// A wrong answer; a trap speaks for itself.
struct Fault: Error, CustomStringConvertible {
  var description: String

  static func unless(_ claim: Bool, _ text: @autoclosure () -> String) throws(Fault) {
    guard claim else { throw Fault(description: text()) }
  }
}
