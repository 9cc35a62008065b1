import Testing

@testable import Proxy

/// What a decoder made of a body.
private struct Decoded: Equatable {
  enum End: Equatable {
    case needsMore, end
    case reject(HeadRejection)
  }
  var end = End.needsMore
  var body: [UInt8] = []
  var trailers: [UInt8] = []
  /// Bytes looked at; what follows belongs to the next message.
  var used = 0

  init(_ text: String) { self.init(Array(text.utf8), cutAt: []) }

  /// Given up to each cut, then what follows it.
  init(_ bytes: [UInt8], cutAt cuts: [Int]) {
    var decoder = ChunkedDecoder()
    var start = 0
    for cut in cuts + [bytes.count] where end == .needsMore {
      feed(&decoder, Array(bytes[start..<cut]))
      start = cut
    }
    trailers = decoder.trailers
  }

  private mutating func feed(_ decoder: inout ChunkedDecoder, _ piece: [UInt8]) {
    var position = 0
    while true {
      switch decoder.next(piece.span, from: &position) {
      case .data(let range):
        body += piece[Int(range.start)..<Int(range.end)]
        continue
      case .needsMore: end = .needsMore
      case .end: end = .end
      case .reject(let why): end = .reject(why)
      }
      used += position
      return
    }
  }

  var text: String { String(decoding: body, as: UTF8.self) }
}

@Suite struct ChunkedDecoderTests {
  @Test(arguments: [
    ("0\r\n\r\n", "", ""), ("5\r\nhello\r\n0\r\n\r\n", "hello", ""),
    ("1\r\nh\r\n4\r\nello\r\n000\r\n\r\n", "hello", ""),
    ("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", ""),
    ("00000000000000a\r\n0123456789\r\n0\r\n\r\n", "0123456789", ""),
    ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n", ""), ("3;a\r\nabc\r\n0;b=c\r\n\r\n", "abc", ""),
    ("3;a=\"b;c\" ;\td\r\nabc\r\n0\r\n\r\n", "abc", ""), ("3;\r\nabc\r\n0;\r\n\r\n", "abc", ""),
    ("0\r\nA: b\r\n\r\n", "", "A: b\r\n"),
    ("1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n", "x", "A: b\r\nC:\r\n"),
  ])
  func `a body is taken out of its chunks`(_ chunks: String, _ body: String, _ trailers: String) {
    let decoded = Decoded(chunks + "GET /next")
    #expect(decoded.end == .end)
    #expect(decoded.text == body)
    #expect(String(decoding: decoded.trailers, as: UTF8.self) == trailers)
    #expect(decoded.used == chunks.utf8.count)
  }

  @Test(arguments: [
    "", "\r\n", " 5\r\nhello", "+5\r\nhello", "-5\r\nhello", "0x5\r\nhello", "g\r\n", "5g\r\nhello",
    "5 \r\nhello", "5\t\r\nhello", "5 ;a\r\nhello", "\t5\r\nhello", "5\nhello\r\n0\r\n\r\n",
    "5\rhello", "5\r\rhello", "5;a\nhello", "5;a\rhello", "5;a\u{0}\r\nhello", "5;\u{7f}\r\nhello",
    "5;a\u{b}\r\nhello", ";a\r\n", "5,\r\nhello", "5.0\r\nhello", "5_\r\nhello",
    "0000000000000005\r\nhello", "1000000000000000\r\n", "ffffffffffffffff\r\n",
    "8000000000000000\r\n", "10000000000000005\r\nhello", "5\r\nhello0\r\n\r\n",
    "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r0\r\n\r\n", "5\r\nhello!\r\n0\r\n\r\n",
    "5\r\nhell\r\n0\r\n\r\n", "5\r\nhello\r\n\r\n0\r\n\r\n", "5\r\nhello\r\n 0\r\n\r\n", "0\n\n",
    "0\r\r", "\u{0}\r\n", "٥\r\nhello", "Ｆ\r\n",
  ])
  func `a malformed chunk is refused`(_ chunks: String) {
    #expect(Decoded(chunks + "!\r\n").end == .reject(.badChunk))
  }

  @Test(arguments: ["0\r\n\rx", "0\r\n\r\r", "0\r\n\n", "0\r\nA: b\n\r\n", "0\r\nA: b\rC"])
  func `a malformed end is refused`(_ chunks: String) {
    #expect(Decoded(chunks).end == .reject(.badTrailer))
  }

  @Test func `a size has 15 digits at most`() {
    let decoded = Decoded("fffffffffffffff\r\nhello")
    #expect(decoded.end == .needsMore)
    #expect(decoded.text == "hello")
    #expect(Decoded("0fffffffffffffff\r\n").end == .reject(.badChunk))
  }

  @Test func `extensions are bounded over the whole body`() {
    func chunks(_ count: Int, _ extensionBytes: Int) -> String {
      let chunk = "1;\(String(repeating: "x", count: extensionBytes))\r\na\r\n"
      return String(repeating: chunk, count: count) + "0\r\n\r\n"
    }
    #expect(Decoded(chunks(1, 4096)).end == .end)
    #expect(Decoded(chunks(1, 4097)).end == .reject(.chunkExtensionTooLong))
    #expect(Decoded(chunks(64, 64)).end == .end)
    #expect(Decoded(chunks(65, 64)).end == .reject(.chunkExtensionTooLong))
    #expect(
      Decoded("5;" + String(repeating: "x", count: 9000)).end == .reject(.chunkExtensionTooLong))
  }

  @Test func `trailers are bounded`() {
    func trailers(_ count: Int) -> String {
      "0\r\nA:\(String(repeating: "x", count: count - 4))\r\n\r\n"
    }
    #expect(Decoded(trailers(8192)).end == .end)
    #expect(Decoded(trailers(8194)).end == .reject(.badTrailer))
    #expect(
      Decoded("0\r\n" + String(repeating: "a:\r\n", count: 3000) + "\r\n").end
        == .reject(.badTrailer))
  }

  @Test func `it asks for more until the very end`() {
    let chunks = Array("3;a\r\nabc\r\n0\r\nA: b\r\n\r\n".utf8)
    for count in chunks.indices {
      #expect(Decoded(Array(chunks[..<count]), cutAt: []).end == .needsMore)
    }
  }

  static let bodies = [
    "5\r\nhello\r\n0\r\n\r\n", "1;a=b\r\nh\r\n04\r\nello\r\n00;c\r\nA: b\r\nC: d\r\n\r\nGET /",
    "a\r\n01234\r\n789\r\n0\r\n\r\n", "5\r\nhello\rx", "0\r\nA: b\rC", "5;a\u{0}\r\nhello",
  ]

  @Test(arguments: bodies)
  func `where a body is cut makes no difference`(_ chunks: String) {
    let bytes = Array(chunks.utf8)
    let whole = Decoded(bytes, cutAt: [])
    #expect(whole.end != .needsMore)
    for one in 0...bytes.count {
      for other in one...bytes.count {
        #expect(Decoded(bytes, cutAt: [one, other]) == whole, "cut at \(one) and \(other)")
      }
    }
    #expect(Decoded(bytes, cutAt: Array(bytes.indices)) == whole)
  }

  @Test func `no change of a body traps, and where it is cut makes no difference`() {
    let pieces = [
      "", "\r\n", "\r", "\n", "0", "0\r\n\r\n", ";", "\"", "ffffffffffffff", "7fffffffffffffff",
      " ", "\0", ":", "A: b\r\n", "1\r\na\r\n", "g",
    ].map { Array($0.utf8) }
    var random = SeededGenerator(state: 4)
    var ends = 0
    for round in 0..<20_000 {
      let original = Array(Self.bodies[round % Self.bodies.count].utf8)
      let bytes = random.mutated(original, with: pieces)
      let whole = Decoded(bytes, cutAt: [])
      let cut = Int.random(in: 0...bytes.count, using: &random)
      #expect(Decoded(bytes, cutAt: [cut]) == whole, "\(bytes) cut at \(cut)")
      #expect(whole.used <= bytes.count && whole.body.count <= bytes.count)
      if whole.end == .end { ends += 1 }
    }
    #expect(ends > 1000)
  }
}
