import Testing

@testable import Names

struct DNSMessageTests {
  private static let head: [UInt8] = [0x12, 0x34, 0x81, 0x80, 0, 1, 0]
  private static let question: [UInt8] =
    [3] + Array("api".utf8) + [4] + Array("test".utf8) + [0, 0, 1, 0, 1]

  private static func message(_ records: [UInt8]...) -> [UInt8] {
    head + [UInt8(records.count), 0, 0, 0, 0] + question + records.flatMap(\.self)
  }

  private static func record(
    _ kind: UInt8, ttl: UInt8, _ data: [UInt8], name: [UInt8] = [0xc0, 12], high: UInt8 = 0
  ) -> [UInt8] {
    name + [0, kind, 0, 1, high, 0, 0, ttl, 0, UInt8(data.count)] + data
  }

  @Test func `all addresses come with the least TTL`() throws {
    let message = try #require(
      DNSMessage(
        Self.message(
          Self.record(1, ttl: 30, [10, 0, 0, 6]), Self.record(1, ttl: 5, [10, 0, 0, 5])))
    )
    let found = message.addresses(of: "API.test", .address)
    #expect(found.all == [[10, 0, 0, 6], [10, 0, 0, 5]] && found.ttl == 5)
    #expect(message.question == "api.test" && message.questionKind == 1)
  }

  @Test func `an alias is followed within the answer, and counts for the TTL`() throws {
    let b: [UInt8] = [1, 0x62, 0xc0, 16]
    let message = try #require(
      DNSMessage(
        Self.message(
          Self.record(5, ttl: 2, b), Self.record(1, ttl: 9, [10, 0, 0, 7], name: b),
          Self.record(1, ttl: 1, [9, 9, 9, 9], name: [1, 0x63, 0xc0, 16]))))
    let found = message.addresses(of: "api.test", .address)
    #expect(found.all == [[10, 0, 0, 7]] && found.ttl == 2)
  }

  @Test func `aliases in a circle end`() throws {
    let message = try #require(DNSMessage(Self.message(Self.record(5, ttl: 2, [0xc0, 12]))))
    #expect(message.addresses(of: "api.test", .address).all.isEmpty)
  }

  @Test func `an address of the wrong size is refused, and a TTL below zero is none`() throws {
    #expect(DNSMessage(Self.message(Self.record(1, ttl: 1, [10, 0, 0]))) == nil)
    #expect(DNSMessage(Self.message(Self.record(28, ttl: 1, [10, 0, 0, 1]))) == nil)
    let odd = DNSMessage(Self.message(Self.record(1, ttl: 7, [10, 0, 0, 1], high: 0x80)))
    #expect(try #require(odd).answers[0].ttl == 0)
  }

  @Test func `a name that points at itself, ahead or in a circle is refused`() {
    let place = Self.head.count + 5 + Self.question.count
    func pointer(_ target: Int) -> [UInt8] { [0xc0 | UInt8(target >> 8), UInt8(target & 0xff)] }
    for name in [
      pointer(place), pointer(place + 2), pointer(place + 40), [1, 0x61] + pointer(place),
      [0x80], [0x41, 0x61], [1, 0x61],
    ] {
      let bytes = Self.message(Self.record(1, ttl: 1, [10, 0, 0, 1], name: name))
      #expect(DNSMessage(bytes) == nil, "\(name)")
    }
    // A name of more than 255 bytes, piece by piece.
    let label: [UInt8] = [63] + [UInt8](repeating: 0x61, count: 63)
    let long = Array(repeatElement(label, count: 5).joined()) + [0]
    #expect(
      DNSMessage(Self.message(Self.record(1, ttl: 1, [10, 0, 0, 1], name: long))) == nil)
  }

  @Test func `a message that is cut anywhere is none`() {
    let whole = Self.message(Self.record(1, ttl: 30, [10, 0, 0, 6]))
    for count in 0..<whole.count { #expect(DNSMessage(Array(whole.prefix(count))) == nil) }
    #expect(DNSMessage(whole) != nil)
  }
}
