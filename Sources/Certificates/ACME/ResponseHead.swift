/// Status line and fields of one answer.
struct ResponseHead {
  /// How the body's end is found (RFC 9112, section 6.3).
  enum Framing: Equatable {
    case none
    case length(Int)
    case chunked, untilEnd
  }

  typealias Refusal = ResponseReader.Refusal

  let status: Int
  let fields: [(name: String, value: String)]

  /// Reads a head, its empty line included.
  init(_ bytes: ArraySlice<UInt8>) throws(Refusal) {
    var lines = bytes.split(separator: 0x0a).map { $0.last == 0x0d ? $0.dropLast() : $0 }
    lines.removeAll(where: \.isEmpty)
    guard let first = lines.first, let status = Self.status(first) else {
      throw Refusal(problem: "this is not HTTP/1.1")
    }
    self.status = status
    var fields: [(name: String, value: String)] = []
    for line in lines.dropFirst() { fields.append(try Self.field(line)) }
    self.fields = fields
  }

  func framing(isOfHead: Bool) throws(Refusal) -> Framing {
    if isOfHead || status == 204 || status == 304 { return .none }
    let encodings = fields.filter { $0.name == "transfer-encoding" }.map { $0.value.lowercased() }
    let lengths = Set(fields.filter { $0.name == "content-length" }.map(\.value))
    guard encodings.isEmpty || lengths.isEmpty else {
      throw Refusal(problem: "both a Content-Length and a Transfer-Encoding")
    }
    if !encodings.isEmpty {
      guard encodings == ["chunked"] else {
        throw Refusal(problem: "a Transfer-Encoding other than chunked")
      }
      return .chunked
    }
    guard let text = lengths.first else { return .untilEnd }
    guard lengths.count == 1, (1...10).contains(text.utf8.count),
      text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(text)
    else { throw Refusal(problem: "a Content-Length that is no length") }
    guard length <= HTTPSResponse.bodyByteLimit else {
      throw Refusal(problem: "the answer is larger than \(HTTPSResponse.bodyByteLimit >> 20) MiB")
    }
    return .length(length)
  }

  private static func status(_ line: ArraySlice<UInt8>) -> Int? {
    let parts = line.split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count >= 2, parts[1].count == 3,
      ["HTTP/1.1", "HTTP/1.0"].contains(String(decoding: parts[0], as: UTF8.self)),
      parts[1].allSatisfy({ (0x30...0x39).contains($0) }),
      let status = Int(String(decoding: parts[1], as: UTF8.self)), status >= 100
    else { return nil }
    return status
  }

  private static func field(
    _ line: ArraySlice<UInt8>
  ) throws(Refusal) -> (name: String, value: String) {
    guard let colon = line.firstIndex(of: 0x3a), colon > line.startIndex,
      line[..<colon].allSatisfy({ (0x21...0x7e).contains($0) })
    else { throw Refusal(problem: "a header line without a name") }
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    let value = line[(colon + 1)...].drop(while: isSpace)
    let end = value.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? value.startIndex
    guard value.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }) else {
      throw Refusal(problem: "a control character in a header")
    }
    return (
      String(decoding: line[..<colon], as: UTF8.self).lowercased(),
      String(decoding: value[..<end], as: UTF8.self)
    )
  }
}
