internal import Firewall

/// Ports of several policies, cut at each other's borders: within a piece no verdict differs.
enum PortPieces {
  typealias Port = FirewallPolicy.Port

  /// All that the ranges cover, in order; no piece reaches over an end of a range.
  static func cut(_ ranges: [Port]) -> [Port] {
    Port.Transport.allCases.flatMap { transport in
      cut(ranges.filter { $0.transport == transport }, transport)
    }
  }

  private static func cut(_ ranges: [Port], _ transport: Port.Transport) -> [Port] {
    // By how many the ranges that cover a port become more there; Int, as a range that ends with port
    // 65535 has its border at 65536.
    var steps: [Int: Int] = [:]
    for range in ranges {
      steps[Int(range.first), default: 0] += 1
      steps[Int(range.last) + 1, default: 0] -= 1
    }
    let borders = steps.keys.sorted()
    var pieces: [Port] = []
    var depth = 0
    for (first, next) in zip(borders, borders.dropFirst()) {
      depth += steps[first, default: 0]
      guard depth > 0 else { continue }
      pieces.append(Port(transport, UInt16(first), UInt16(next - 1)))
    }
    return pieces
  }

  /// In order, neighbours made one.
  static func joined(_ ports: [Port]) -> [Port] {
    var result: [Port] = []
    for transport in Port.Transport.allCases {
      let own = ports.filter { $0.transport == transport }.sorted { $0.first < $1.first }
      for port in own {
        if let last = result.last, last.transport == transport,
          Int(last.last) + 1 == Int(port.first)
        {
          result[result.count - 1].last = port.last
        } else {
          result.append(port)
        }
      }
    }
    return result
  }
}

extension [FirewallPolicy.Port] {
  var text: String { map(\.description).joined(separator: ", ") }
}
