public import Firewall

/// What a policy itself says must come out of it.
struct Expectation {
  var packet: Packet
  /// As it is written, for the message.
  var destination: String
  var host: String?
  var path: String
  /// Unix time in seconds; the time of the check when nil.
  var at: Int64?
  var isAllowed: Bool
  var place: SourcePlace
}

extension PolicyReader {
  func expectation(_ item: YAMLValue) -> Expectation? {
    guard let map = MapReader(item, ExpectFields.section, label: "expect", problems),
      let fromValue = map[ExpectFields.from], let from = map.text(ExpectFields.from),
      let toValue = map[ExpectFields.to], let to = map.text(ExpectFields.to),
      let verdict = map.choice(ExpectFields.verdict)
    else { return nil }
    guard let source = Address(parsing: from) else {
      return map.refuse(fromValue, ExpectFields.from, "is no address")
    }
    guard let content = Packet.Content(parsing: to) else {
      return map.refuse(toValue, ExpectFields.to, "is no port")
    }
    var at: Int64?
    if let value = map[ExpectFields.at], let text = map.text(ExpectFields.at) {
      at = EndOfDay.parse(text, in: zone)
      guard at != nil, text.contains("T") else {
        return map.refuse(value, ExpectFields.at, "is no minute")
      }
    }
    return Expectation(
      packet: Packet(from: source, content), destination: to, host: map.text(ExpectFields.host),
      path: map.text(ExpectFields.path) ?? "/", at: at, isAllowed: verdict == "allow",
      place: item.place)
  }
}

extension Packet.Content {
  /// `tcp/443`, `udp/53`, `icmp/8`, `icmpv6/128`, `ip/47`.
  public init?(parsing text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let number = Quantity.whole(parts[1]) else { return nil }
    switch (parts[0], number) {
    case ("tcp", 1...65535): self = .tcp(port: UInt16(number))
    case ("udp", 1...65535): self = .udp(port: UInt16(number), from: nil)
    case ("icmp", 0...255): self = .icmp(type: UInt8(number))
    case ("icmpv6", 0...255): self = .icmpv6(type: UInt8(number))
    case ("ip", 0...255): self = .other(UInt8(number))
    default: return nil
    }
  }
}
