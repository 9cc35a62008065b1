/// What /etc/resolv.conf says (resolv.conf(5)), within its limits.
public struct ResolverFile: Equatable, Sendable {
  static let byteLimit = 1 << 16
  static let serverLimit = 3
  static let searchLimit = 6
  static let timeouts = 1...5
  static let attemptCounts = 1...3

  public private(set) var servers: [DNSPeer] = []
  public private(set) var search: [String] = []
  /// Names with fewer dots are looked for below `search` first.
  public private(set) var dots = 1
  public private(set) var timeout = Duration.seconds(2)
  public private(set) var attempts = 2

  public init(_ text: String) {
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.split(whereSeparator: \.isWhitespace)
      switch words.first {
      case "nameserver":
        guard words.count > 1, let address = NumericAddress.bytes(words[1]) else { continue }
        if servers.count < Self.serverLimit { servers.append(DNSPeer(address)) }
      case "search", "domain":
        search = words.dropFirst().prefix(Self.searchLimit).map {
          String($0.hasSuffix(".") ? $0.dropLast() : $0).lowercased()
        }.filter { !$0.isEmpty }
      case "options": for word in words.dropFirst() { read(word) }
      default: continue
      }
    }
    // As the system's own resolver does.
    if servers.isEmpty { servers = [DNSPeer([127, 0, 0, 1])] }
  }

  private mutating func read(_ option: Substring) {
    let parts = option.split(separator: ":", maxSplits: 1)
    guard parts.count == 2, let number = Int(parts[1]), number >= 0 else { return }
    switch parts[0] {
    case "ndots": dots = min(number, 15)
    case "timeout": timeout = .seconds(number.within(Self.timeouts))
    case "attempts": attempts = number.within(Self.attemptCounts)
    default: return
    }
  }

  /// The names to ask for, in this order.
  public func candidates(for name: String) -> [String] {
    if name.hasSuffix(".") { return [String(name.dropLast())] }
    let below = search.map { "\(name).\($0)" }
    let count = name.utf8.count { $0 == UInt8(ascii: ".") }
    return count >= dots ? [name] + below : below + [name]
  }
}

extension Int {
  fileprivate func within(_ range: ClosedRange<Int>) -> Int {
    Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
  }
}
