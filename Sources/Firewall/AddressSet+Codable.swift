/// As text, so that a person can read what is kept: `192.0.2.0-192.0.2.255`, with `@END` where it ends.
extension AddressSet: Codable {
  public init(from decoder: any Decoder) throws {
    let texts = try [String](from: decoder)
    var ipv4: [AddressInterval<UInt32>] = []
    var ipv6: [AddressInterval<UInt128>] = []
    for text in texts {
      guard let (first, last, until) = Self.parse(text) else {
        throw DecodingError.dataCorrupted(
          .init(codingPath: decoder.codingPath, debugDescription: "no interval: \(text)"))
      }
      switch (first, last) {
      case (.ipv4(let a), .ipv4(let b)) where a <= b:
        ipv4.append(AddressInterval(first: a, last: b, until: until))
      case (.ipv6(let a), .ipv6(let b)) where a <= b:
        ipv6.append(AddressInterval(first: a, last: b, until: until))
      case (.ipv4, _), (.ipv6, _):
        throw DecodingError.dataCorrupted(
          .init(codingPath: decoder.codingPath, debugDescription: "no interval: \(text)"))
      }
    }
    self.init(ipv4: ipv4, ipv6: ipv6)
  }

  public func encode(to encoder: any Encoder) throws {
    let texts =
      ipv4.map { Self.text(Address.ipv4($0.first), Address.ipv4($0.last), $0.until) }
      + ipv6.map { Self.text(Address.ipv6($0.first), Address.ipv6($0.last), $0.until) }
    try texts.encode(to: encoder)
  }

  private static func text(_ first: Address, _ last: Address, _ until: Int64?) -> String {
    "\(first)-\(last)\(until.map { "@\($0)" } ?? "")"
  }

  private static func parse(_ text: String) -> (first: Address, last: Address, until: Int64?)? {
    let halves = text.split(separator: "@", maxSplits: 1)
    let ends = (halves.first ?? "").split(separator: "-")
    guard ends.count == 2, let first = Address(parsing: String(ends[0])),
      let last = Address(parsing: String(ends[1]))
    else { return nil }
    guard halves.count == 2 else { return (first, last, nil) }
    guard let until = Int64(halves[1]) else { return nil }
    return (first, last, until)
  }
}

/// As text, too: JSON has no numbers of 128 bits.
extension Network {
  public init(from decoder: any Decoder) throws {
    let text = try String(from: decoder)
    do {
      try self.init(parsing: text)
    } catch {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: error.description))
    }
  }

  public func encode(to encoder: any Encoder) throws { try description.encode(to: encoder) }
}
