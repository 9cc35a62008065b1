/// A question to the DNS and what can be read from its answer (RFC 1035, section 4); pure.
public struct DNSMessage: Equatable, Sendable {
  public enum Kind: UInt16, Sendable {
    case address = 1
    case nameServer = 2
    case alias = 5
    case text = 16
    case address6 = 28
  }

  public struct Record: Equatable, Sendable {
    public let name: String
    public let kind: UInt16
    /// The text of a TXT record, or the name an NS or CNAME record holds; else empty.
    public let value: String
    /// Of an A or AAAA record; else empty.
    public var address: [UInt8] = []
    /// Seconds for which it holds.
    public var ttl: UInt32 = 0
  }

  public static let byteLimit = 4_096
  /// CNAMEs on the way from the name that was asked for.
  static let aliasLimit = 16
  private static let recordLimit = 512

  public let id: UInt16
  public let code: UInt8
  public let isTruncated: Bool
  public let answers: [Record]
  /// What it says it answers; nil where it repeats no question.
  public let question: String?
  public let questionKind: UInt16?

  /// A question of class IN.
  public static func question(
    _ name: String, _ kind: Kind, id: UInt16, wantsRecursion: Bool
  ) -> [UInt8]? {
    let labels = name.split(separator: ".")
    guard labels.allSatisfy({ (1...63).contains($0.utf8.count) }), name.utf8.count <= 253 else {
      return nil
    }
    var bytes = words([id, wantsRecursion ? 0x0100 : 0, 1, 0, 0, 0])
    for label in labels { bytes += [UInt8(label.utf8.count)] + label.utf8 }
    return bytes + [0] + words([kind.rawValue, 1])
  }

  /// Nil where the bytes are no answer.
  public init?(_ bytes: [UInt8]) {
    var reader = Reader(bytes: bytes)
    guard let id = reader.word(), let flags = reader.word(), flags & 0x8000 != 0,
      let questions = reader.word(), let count = reader.word(), reader.word() != nil,
      reader.word() != nil, questions <= 1
    else { return nil }
    var asked: (name: String, kind: UInt16)?
    for _ in 0..<questions {
      guard let name = reader.name(), let kind = reader.word(), reader.word() != nil
      else { return nil }
      asked = (name, kind)
    }
    var answers: [Record] = []
    for _ in 0..<min(Int(count), Self.recordLimit) {
      guard let record = reader.record() else { return nil }
      answers.append(record)
    }
    self.id = id
    code = UInt8(flags & 0xf)
    isTruncated = flags & 0x0200 != 0
    self.answers = answers
    question = asked?.name
    questionKind = asked?.kind
  }

  /// The addresses of a name in the answer, the name behind its aliases that bears them, and the
  /// seconds all of it holds.
  public func addresses(
    of name: String, _ kind: Kind
  ) -> (all: [[UInt8]], end: String, ttl: UInt32?) {
    var name = name.lowercased()
    var ttl: UInt32?
    for _ in 0..<Self.aliasLimit {
      guard let alias = answers.first(where: { $0.kind == Kind.alias.rawValue && $0.name == name })
      else { break }
      ttl = min(ttl ?? .max, alias.ttl)
      name = alias.value
    }
    let found = answers.filter { $0.kind == kind.rawValue && $0.name == name }
    for record in found { ttl = min(ttl ?? .max, record.ttl) }
    return (found.map(\.address), name, ttl)
  }

  private static func words(_ numbers: [UInt16]) -> [UInt8] {
    numbers.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
  }
}

extension DNSMessage {
  /// A cursor over a message; every read says nil past the end.
  fileprivate struct Reader {
    let bytes: [UInt8]
    var place = 0

    mutating func byte() -> UInt8? {
      guard place < bytes.count else { return nil }
      defer { place += 1 }
      return bytes[place]
    }

    mutating func word() -> UInt16? {
      guard let high = byte(), let low = byte() else { return nil }
      return UInt16(high) << 8 | UInt16(low)
    }

    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
      guard bytes.count - place >= count else { return nil }
      defer { place += count }
      return bytes[place..<place + count]
    }

    /// In lower case, without the dot at the end; pointers only ever lead back.
    mutating func name() -> String? {
      var labels: [String] = []
      var length = 0
      var cursor = self
      var limit = place
      var end: Int?
      while let size = cursor.byte() {
        if size == 0 {
          place = end ?? cursor.place
          return labels.joined(separator: ".").lowercased()
        }
        if size & 0xc0 == 0xc0 {
          guard let low = cursor.byte() else { return nil }
          let target = Int(size & 0x3f) << 8 | Int(low)
          guard target < limit else { return nil }
          end = end ?? cursor.place
          cursor.place = target
          limit = target
          continue
        }
        guard size < 64, let label = cursor.take(Int(size)) else { return nil }
        length += label.count + 1
        guard length <= 255 else { return nil }
        labels.append(String(decoding: label, as: UTF8.self))
      }
      return nil
    }

    mutating func record() -> Record? {
      guard let name = name(), let kind = word(), word() != nil, let high = word(),
        let low = word(), let size = word(), bytes.count - place >= Int(size)
      else { return nil }
      // One with the highest bit set is to be taken for 0 (RFC 2181, section 8).
      let ttl = high & 0x8000 == 0 ? UInt32(high) << 16 | UInt32(low) : 0
      let end = place + Int(size)
      var value: String?
      var address: [UInt8] = []
      switch Kind(rawValue: kind) {
      case .nameServer, .alias: value = self.name()
      case .text: value = text(upTo: end)
      case .address, .address6:
        guard size == (kind == Kind.address.rawValue ? 4 : 16) else { return nil }
        address = Array(bytes[place..<end])
        value = ""
      case nil: value = ""
      }
      guard let value else { return nil }
      place = end
      return Record(name: name, kind: kind, value: value, address: address, ttl: ttl)
    }

    /// The strings of a TXT record, joined.
    private mutating func text(upTo end: Int) -> String? {
      var text: [UInt8] = []
      while place < end {
        guard let size = byte(), place + Int(size) <= end, let piece = take(Int(size)) else {
          return nil
        }
        text += piece
      }
      return String(decoding: text, as: UTF8.self)
    }
  }
}
