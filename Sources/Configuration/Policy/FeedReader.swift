import Firewall

/// Reads the bytes of a feed: one network a line, `#` and `;` begin comments.
struct FeedReader {
  struct Problem: Equatable {
    /// Both count from 1.
    var line: Int
    var column: Int
    var text: String
  }
  /// Longer than any line with a network; the rest would be a comment of nobody.
  static let lineByteLimit = 1000

  private(set) var ipv4: [AddressInterval<UInt32>] = []
  private(set) var ipv6: [AddressInterval<UInt128>] = []
  /// At most `Problems.limit`.
  private(set) var problems: [Problem] = []
  private(set) var entryCount = 0

  /// Stops after `most` entries and one.
  init(_ bytes: [UInt8], most: Int) {
    // An IPv4 network takes about 16 bytes.
    ipv4.reserveCapacity(min(most, bytes.count / 14) + 1)
    var start = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
    var line = 1
    while start < bytes.count, problems.count < Problems.limit, entryCount <= most {
      var end = start
      while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
      read(bytes, start, end, line)
      start = end + 1
      line += 1
    }
  }

  private mutating func read(_ bytes: [UInt8], _ start: Int, _ end: Int, _ line: Int) {
    var first = start
    while first < end, Self.isSpace(bytes[first]) { first += 1 }
    var last = first
    while last < end, !Self.isSpace(bytes[last]), !Self.isComment(bytes[last]) { last += 1 }
    guard first < last else { return }
    func tell(_ text: String) {
      problems.append(Problem(line: line, column: first - start + 1, text: text))
    }
    guard end - start <= Self.lineByteLimit else {
      return tell("a line of \(end - start) bytes; at most \(Self.lineByteLimit)")
    }
    var next = last
    while next < end, Self.isSpace(bytes[next]) { next += 1 }
    guard next == end || Self.isComment(bytes[next]) else {
      return tell("more than a network in this line; allowed: one, and # or ; comments")
    }
    if let interval = Self.plain(bytes, first, last) {
      ipv4.append(interval)
      entryCount += 1
      return
    }
    let text = String(decoding: bytes[first..<last], as: UTF8.self)
    do throws(NetworkError) {
      let network = try Network(parsing: text.shortened)
      guard network.prefix > 0 else {
        return tell("\(network) is everybody; take it out, and write any where you mean it")
      }
      add(network)
    } catch {
      tell(error.description)
    }
  }

  private mutating func add(_ network: Network) {
    entryCount += 1
    let set = AddressSet(network)
    ipv4 += set.ipv4
    ipv6 += set.ipv6
  }

  /// The common case without a string: dotted decimal with or without a prefix; nil for all else,
  /// wrong or not, which the one true parser judges.
  private static func plain(
    _ bytes: [UInt8], _ first: Int, _ last: Int
  ) -> AddressInterval<UInt32>? {
    var bits: UInt32 = 0
    var number: UInt32 = 0
    var digits = 0
    var dots = 0
    var index = first
    while index < last, bytes[index] != UInt8(ascii: "/") {
      let byte = bytes[index]
      if byte == UInt8(ascii: ".") {
        guard digits > 0, dots < 3 else { return nil }
        bits = bits << 8 | number
        number = 0
        digits = 0
        dots += 1
      } else {
        // A leading zero is no decimal number to everybody.
        guard byte >= 0x30, byte <= 0x39, digits == 0 || number > 0 else { return nil }
        number = number * 10 + UInt32(byte - 0x30)
        digits += 1
        guard number < 256 else { return nil }
      }
      index += 1
    }
    guard dots == 3, digits > 0 else { return nil }
    bits = bits << 8 | number
    guard index < last else { return AddressInterval(first: bits, last: bits) }
    let prefix = last - index - 1
    guard prefix == 1 || prefix == 2 else { return nil }
    var width: UInt32 = 0
    for byte in bytes[(index + 1)..<last] {
      guard byte >= 0x30, byte <= 0x39 else { return nil }
      width = width * 10 + UInt32(byte - 0x30)
    }
    // `/0` is everybody, `/08` is no number.
    guard width >= 1, width <= 32, prefix == 1 || width >= 10 else { return nil }
    let host = width == 32 ? 0 : UInt32.max >> width
    guard bits & host == 0 else { return nil }
    return AddressInterval(first: bits, last: bits | host)
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0d
  }

  private static func isComment(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "#") || byte == UInt8(ascii: ";")
  }
}
