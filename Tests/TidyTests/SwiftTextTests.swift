import Testing

struct SwiftTextTests {
  @Test func `functions are measured from their first line to their last brace`() {
    let text = SwiftText(
      """
      protocol P { func requirement() }
      struct S {
        func first(
          _ value: Int
        ) -> String {
          "}} \\(value) {"  // }
        }
        init() {}
        @inline(__always) private static func third() { if true { print("{") } }
      }
      """)
    #expect(
      text.functions == [
        .init(name: "first", line: 3, length: 5), .init(name: "init", line: 8, length: 1),
        .init(name: "third", line: 9, length: 1),
      ])
  }

  @Test func `imports and types are found, words in strings are not`() {
    let text = SwiftText(
      """
      @testable import Proxy
      internal import struct Foundation.Date
      // import Nothing
      let a = "struct Hidden try! it"
      public final class Worker<T>: Sendable { enum Phase { case a } }
      """)
    #expect(text.imports.map(\.module) == ["Proxy", "Foundation"])
    #expect(text.imports.map(\.line) == [1, 2])
    #expect(text.typeNames == ["Worker", "Phase"])
    #expect(!text.lines.joined().contains("try!"))
  }

  @Test func `a text over several lines is no code`() {
    let quotes = "\"\"\""
    let text = SwiftText("let a = \(quotes)\n  fatalError( {\n  \(quotes)\nfunc f() {\n}")
    #expect(text.functions == [.init(name: "f", line: 4, length: 2)])
    #expect(!text.lines.joined().contains("fatalError"))
  }
}
