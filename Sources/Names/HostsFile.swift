/// What /etc/hosts says, within its limits.
public struct HostsFile: Equatable, Sendable {
  static let byteLimit = 1 << 20

  private var addresses: [String: [[UInt8]]] = [:]

  public init(_ text: String) {
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
      guard let first = words.first, let address = NumericAddress.bytes(first) else { continue }
      for name in words.dropFirst() {
        let key = name.lowercased()
        if addresses[key]?.contains(address) != true { addresses[key, default: []].append(address) }
      }
    }
  }

  /// Empty where it does not name it.
  public func addresses(of name: String) -> [[UInt8]] { addresses[name.lowercased()] ?? [] }
}
