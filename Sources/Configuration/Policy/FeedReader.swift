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
      // Nearly every line is one network, and a comment at most.
      if let (interval, next) = Self.plainLine(bytes.span, start) {
        ipv4.append(interval)
        entryCount += 1
        start = next
        line += 1
        continue
      }
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

  /// The common case in one pass and without a string: dotted decimal with or without a prefix; nil
  /// for all else, wrong or not, which the one true parser judges. Also where the next line begins.
  private static func plainLine(
    _ bytes: borrowing Span<UInt8>, _ start: Int
  ) -> (AddressInterval<UInt32>, next: Int)? {
    var index = start
    var bits: UInt32 = 0
    for octet in 0..<4 {
      if octet > 0 {
        guard index < bytes.count, bytes[index] == UInt8(ascii: ".") else { return nil }
        index += 1
      }
      guard let number = number(bytes, &index, digits: 3), number < 256 else { return nil }
      bits = bits << 8 | number
    }
    var host: UInt32 = 0
    if index < bytes.count, bytes[index] == UInt8(ascii: "/") {
      index += 1
      // `/0` is everybody.
      guard let width = number(bytes, &index, digits: 2), (1...32).contains(width) else {
        return nil
      }
      host = width == 32 ? 0 : UInt32.max >> width
    }
    guard bits & host == 0 else { return nil }
    while index < bytes.count, isSpace(bytes[index]) { index += 1 }
    guard index == bytes.count || bytes[index] == UInt8(ascii: "\n") || isComment(bytes[index])
    else { return nil }
    while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { index += 1 }
    guard index - start <= lineByteLimit else { return nil }
    return (AddressInterval(first: bits, last: bits | host), index + 1)
  }

  /// Decimal digits, at most so many; a leading zero is no decimal number to everybody.
  private static func number(
    _ bytes: borrowing Span<UInt8>, _ index: inout Int, digits: Int
  ) -> UInt32? {
    let start = index
    var number: UInt32 = 0
    while index < bytes.count, index - start < digits {
      let digit = bytes[index] &- 0x30
      guard digit < 10 else { break }
      number = number * 10 + UInt32(digit)
      index += 1
    }
    let isPlain = index > start && (index - start == 1 || bytes[start] != 0x30)
    return isPlain ? number : nil
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0d
  }

  private static func isComment(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "#") || byte == UInt8(ascii: ";")
  }
}
