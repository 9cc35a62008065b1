/// Reads one answer of HTTP/1.1 as its bytes come; pure, and refuses what two readers could
/// understand differently.
///
///     head ──▶ length ──▶ done      head ──▶ size ⇄ chunk ──▶ trailer ──▶ done
///       └────▶ untilEnd ──▶ done
struct ResponseReader {
  private enum Phase {
    case head
    case length(Int)
    case untilEnd
    case size
    case chunk(Int)
    case chunkEnd
    case trailer
    case done
  }

  private static let interimLimit = 8
  private static let sizeLineLimit = 1_024

  private let isOfHead: Bool
  private var phase = Phase.head
  private var buffer: [UInt8] = []
  private var place = 0
  private var interims = 0
  private var trailerBytes = 0
  private var response: HTTPSResponse?

  /// `isOfHead`: the request was a HEAD, whose answer has no body.
  init(isOfHead: Bool = false) { self.isOfHead = isOfHead }

  /// What is wrong with an answer.
  struct Refusal: Error, Equatable { let problem: String }

  /// The answer once it is whole.
  mutating func take(_ bytes: some Collection<UInt8>) throws(Refusal) -> HTTPSResponse? {
    buffer.append(contentsOf: bytes)
    while try advance() {}
    buffer.removeFirst(place)
    place = 0
    guard case .done = phase else { return nil }
    return response
  }

  /// The connection has ended in good order.
  mutating func end() throws(Refusal) -> HTTPSResponse {
    if case .untilEnd = phase, let response { return response }
    throw Refusal(problem: "the answer ends early")
  }

  /// One step; false when more bytes are needed, or none.
  private mutating func advance() throws(Refusal) -> Bool {
    switch phase {
    case .head: return try takeHead()
    case .length(let count):
      try takeBody(upTo: count)
      let left = count - taken
      phase = left > 0 ? .length(left) : .done
      return false
    case .untilEnd:
      try takeBody(upTo: .max)
      return false
    case .size: return try takeSize()
    case .chunk(let count):
      try takeBody(upTo: count)
      let left = count - taken
      phase = left > 0 ? .chunk(left) : .chunkEnd
      return left == 0
    case .chunkEnd:
      guard let line = try takeLine(limit: 2) else { return false }
      guard line.isEmpty else { throw Refusal(problem: "a chunk does not end where it said") }
      phase = .size
      return true
    case .trailer: return try takeTrailer()
    case .done:
      place = buffer.count
      return false
    }
  }

  private var taken = 0

  private mutating func takeBody(upTo count: Int) throws(Refusal) {
    taken = min(count, buffer.count - place)
    guard (response?.body.count ?? 0) + taken <= HTTPSResponse.bodyByteLimit else {
      throw Refusal(problem: "the answer is larger than \(HTTPSResponse.bodyByteLimit >> 20) MiB")
    }
    response?.body.append(contentsOf: buffer[place..<place + taken])
    place += taken
  }

  /// A line without its end; a bare line feed ends one too, as in RFC 9112, section 2.2.
  private mutating func takeLine(limit: Int) throws(Refusal) -> ArraySlice<UInt8>? {
    guard let end = buffer[place...].firstIndex(of: 0x0a) else {
      guard buffer.count - place <= limit else { throw Refusal(problem: "a line is too long") }
      return nil
    }
    var line = buffer[place..<end]
    if line.last == 0x0d { line.removeLast() }
    guard line.count <= limit else { throw Refusal(problem: "a line is too long") }
    place = end + 1
    return line
  }

  private mutating func takeSize() throws(Refusal) -> Bool {
    guard let line = try takeLine(limit: Self.sizeLineLimit) else { return false }
    let text = line.prefix { $0 != 0x3b && $0 != 0x20 && $0 != 0x09 }
    guard (1...8).contains(text.count), text.allSatisfy(Self.isHexDigit),
      let size = Int(String(decoding: text, as: UTF8.self), radix: 16)
    else { throw Refusal(problem: "a chunk without a size") }
    phase = size > 0 ? .chunk(size) : .trailer
    return true
  }

  private mutating func takeTrailer() throws(Refusal) -> Bool {
    let limit = HTTPSResponse.headByteLimit - trailerBytes
    guard limit > 0 else { throw Refusal(problem: "the trailer is too long") }
    guard let line = try takeLine(limit: limit) else { return false }
    trailerBytes += line.count + 2
    if line.isEmpty { phase = .done }
    return true
  }

  private mutating func takeHead() throws(Refusal) -> Bool {
    guard let end = headEnd else {
      guard buffer.count - place <= HTTPSResponse.headByteLimit else {
        throw Refusal(problem: "the head of the answer is longer than 32 KiB")
      }
      return false
    }
    guard end - place <= HTTPSResponse.headByteLimit else {
      throw Refusal(problem: "the head of the answer is longer than 32 KiB")
    }
    let head = try ResponseHead(buffer[place..<end])
    place = end
    if (100..<200).contains(head.status), head.status != 101 {
      interims += 1
      guard interims <= Self.interimLimit else { throw Refusal(problem: "no final answer") }
      return true
    }
    response = HTTPSResponse(status: head.status, fields: head.fields)
    switch try head.framing(isOfHead: isOfHead) {
    case .none: phase = .done
    case .length(let count): phase = count > 0 ? .length(count) : .done
    case .chunked: phase = .size
    case .untilEnd: phase = .untilEnd
    }
    return true
  }

  /// Just after the empty line.
  private var headEnd: Int? {
    var index = place
    while let feed = buffer[index...].firstIndex(of: 0x0a) {
      let next = feed + 1
      if next < buffer.count, buffer[next] == 0x0a { return next + 1 }
      if next + 1 < buffer.count, buffer[next] == 0x0d, buffer[next + 1] == 0x0a {
        return next + 2
      }
      index = next
    }
    return nil
  }

  static func isHexDigit(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
  }
}
