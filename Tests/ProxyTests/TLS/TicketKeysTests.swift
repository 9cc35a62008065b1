import Testing

@testable import Proxy

struct TicketKeysTests {
  private static let hour: Int64 = 3600

  /// A key whose bytes are all the same.
  private static func key(_ byte: UInt8) throws -> TicketKey {
    try #require(TicketKey([UInt8](repeating: byte, count: 80)))
  }

  @Test func `a key of zeros is none`() {
    #expect(TicketKey([UInt8](repeating: 0, count: 80)) == nil)
    // The name, the key of the seal, the key of the cipher: each for itself.
    for zeros in [0..<16, 16..<48, 48..<80] {
      var bytes = [UInt8](repeating: 7, count: 80)
      for index in zeros { bytes[index] = 0 }
      #expect(TicketKey(bytes) == nil)
    }
    #expect(TicketKey([UInt8](repeating: 7, count: 79)) == nil)
  }

  @Test func `keys are random`() throws {
    let keys = try (0..<100).map { _ in try #require(TicketKey()) }
    #expect(Set(keys.map(\.name)).count == 100)
    #expect(Set(keys.map(\.encryption)).count == 100)
    #expect(keys.allSatisfy { $0.authentication != $0.encryption })
  }

  @Test func `a key is announced, used, retired and gone`() throws {
    let span = 12 * Self.hour
    var keys = TicketKeys(try Self.key(1), at: 0)
    #expect(!keys.isDue(at: span - 1, span: span))
    keys.advance(at: span - 1, span: span) { TicketKey() }
    #expect(keys.announced == nil)
    // Announced: opens, and seals nothing yet.
    keys.advance(at: span, span: span) { try? Self.key(2) }
    #expect(keys.current == (try Self.key(1)))
    #expect(keys.all.contains(try Self.key(2)))
    #expect(keys.isDue(at: span, span: span))
    keys.advance(at: span + 1, span: span) { nil }
    #expect(keys.current == (try Self.key(2)))
    #expect(keys.retired == (try Self.key(1)))
    // One more span, and the first is gone.
    keys.advance(at: 2 * span + 1, span: span) { try? Self.key(3) }
    keys.advance(at: 2 * span + 2, span: span) { nil }
    #expect(keys.all == [try Self.key(3), try Self.key(2)])
  }

  @Test func `without a new key the old one goes on, and one that is known is not new`() throws {
    let span = Self.hour
    var keys = TicketKeys(try Self.key(1), at: 0)
    keys.advance(at: span, span: span) { nil }
    keys.advance(at: span, span: span) { try? Self.key(1) }
    #expect(keys.all == [try Self.key(1)])
    #expect(keys.isDue(at: span, span: span))
  }

  @Test func `a machine that slept opens no ticket of long ago`() throws {
    let span = Self.hour
    var keys = TicketKeys(try Self.key(1), at: 0)
    keys.advance(at: 5 * span, span: span) { try? Self.key(2) }
    keys.advance(at: 5 * span, span: span) { nil }
    #expect(keys.all == [try Self.key(2)])
  }
}
