/// A whole answer.
struct HTTPSResponse: Equatable, Sendable {
  static let headByteLimit = 32 * 1_024
  static let bodyByteLimit = 1 << 20

  let status: Int
  /// Names in lower case, in the order they came.
  let fields: [(name: String, value: String)]
  var body: [UInt8] = []

  static func == (one: Self, other: Self) -> Bool {
    one.status == other.status && one.body == other.body
      && one.fields.elementsEqual(other.fields) { $0 == $1 }
  }

  /// The first field of that name.
  subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

  /// Where links of that relation lead, as written (RFC 8288).
  func links(_ relation: String) -> [String] {
    fields.filter { $0.name == "link" }.flatMap { Self.links($0.value, relation) }
  }

  private static func links(_ value: String, _ relation: String) -> [String] {
    // A comma within <> belongs to the URL.
    var found: [String] = []
    var rest = value[...]
    while let start = rest.firstIndex(of: "<"),
      let end = rest[start...].firstIndex(of: ">")
    {
      let url = String(rest[rest.index(after: start)..<end])
      rest = rest[rest.index(after: end)...]
      let parameters = rest.prefix { $0 != "<" }
      rest = rest[parameters.endIndex...]
      let names = parameters.split(whereSeparator: { ";, \t".contains($0) })
      let isWanted = names.contains { name in
        let text = name.lowercased()
        return text == "rel=\"\(relation)\"" || text == "rel=\(relation)"
      }
      if isWanted { found.append(url) }
    }
    return found
  }
}
