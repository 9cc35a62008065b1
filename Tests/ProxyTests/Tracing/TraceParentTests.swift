import Testing

@testable import Proxy

@Suite struct TraceParentTests {
  static let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

  private func parse(_ text: String) -> TraceParent? {
    let bytes = Array(text.utf8)
    return TraceParent(parsing: bytes.span)
  }

  @Test func `reads the example of the specification, and writes it back`() throws {
    let parent = try #require(parse(Self.good))
    #expect(parent.trace.description == "0af7651916cd43dd8448eb211c80319c")
    #expect(parent.span == 0xb7ad_6b71_6920_3331)
    #expect(parent.isSampled)
    let written = [UInt8](capacity: 55) { parent.write(into: &$0) }
    #expect(String(decoding: written, as: UTF8.self) == Self.good)
  }

  @Test(arguments: [
    "", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
    "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
    "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x",
    "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
  ])
  func `ignores what is no traceparent`(_ text: String) { #expect(parse(text) == nil) }

  @Test func `a later version may say more, and an unsampled trace stays so`() {
    #expect(parse("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what") != nil)
    #expect(parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02")?.isSampled == false)
  }

  @Test func `no change of a byte, and no length, reaches a trap`() {
    let bytes = Array(Self.good.utf8)
    for index in bytes.indices {
      for value in [0, 0x2d, 0x30, 0x66, 0x7f, 0xff] as [UInt8] {
        var changed = bytes
        changed[index] = value
        _ = TraceParent(parsing: changed.span)
        _ = TraceParent(parsing: changed.span.extracting(0..<index))
      }
    }
  }
}
