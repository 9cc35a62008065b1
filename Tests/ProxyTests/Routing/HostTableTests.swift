import Testing

@testable import Proxy

@Suite struct HostTableTests {
  @Test func `every name is found, and no other`() {
    var table = HostTable()
    #expect(table.find(Array("a0.test".utf8).span) == nil)
    for number in 0..<2000 {
      #expect(table.insert(HostTable.key("A\(number).Test.".utf8), number) == number)
      #expect(table.insert(HostTable.key("a\(number).test".utf8), 9999) == number)
    }
    for number in 0..<2000 {
      for name in ["a\(number).test", "A\(number).TEST"] {
        #expect(table.find(Array(name.utf8).span) == number)
      }
      #expect(table.find(Array("a\(number + 2000).test".utf8).span) == nil)
      #expect(table.find(Array("b\(number).test".utf8).span) == nil)
    }
    #expect(table.find(Array("".utf8).span) == nil)
  }

  @Test(arguments: [
    ("a", "a", nil), ("a.", "a", nil), ("a.b", "a.b", "b"), ("a.b.", "a.b", "b"),
    ("a.b.c", "a.b.c", "b.c"), (".", ".", nil), ("..", ".", nil), (".a", ".a", nil),
    ("", "", nil),
  ])
  func `a host ends before its last dot, and its parent begins after its first`(
    _ host: String, _ name: String, _ parent: String?
  ) {
    let bytes = Array(host.utf8)
    let shortened = HostTable.withoutLastDot(bytes.span)
    #expect([UInt8](copying: shortened) == Array(name.utf8))
    var above: [UInt8]?
    if let span = HostTable.parent(of: shortened) { above = [UInt8](copying: span) }
    #expect(above == parent.map { Array($0.utf8) })
  }
}
