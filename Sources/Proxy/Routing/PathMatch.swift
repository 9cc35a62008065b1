/// Whether a normalised path is one that a pattern names.
struct PathMatch {
  private let path: ProxyConfiguration.Route.Path
  private var bytes: [UInt8]

  init(_ path: ProxyConfiguration.Route.Path) {
    self.path = path
    switch path {
    case .any: bytes = []
    case .exact(let text), .prefix(let text): bytes = Array(text.utf8)
    }
  }

  /// The same of paths in their loosest reading.
  var loosest: PathMatch {
    var other = self
    other.bytes = PathReading.loosest(bytes.span)
    return other
  }

  /// Of routes, tried from the greatest down.
  var rank: Int {
    switch path {
    case .any: -1
    case .prefix: 2 * bytes.count
    case .exact: 2 * bytes.count + 1 << 20
    }
  }

  func matches(_ path: Span<UInt8>) -> Bool {
    switch self.path {
    case .any: return true
    case .exact: return path.count == bytes.count && starts(path)
    case .prefix:
      guard starts(path) else { return false }
      // `/orders/**` is `/orders` and all below it, not `/orders2`.
      return path.count == bytes.count || bytes.isEmpty || bytes.last == UInt8(ascii: "/")
        || path[bytes.count] == UInt8(ascii: "/")
    }
  }

  private func starts(_ path: Span<UInt8>) -> Bool {
    guard path.count >= bytes.count else { return false }
    for index in bytes.indices where path[index] != bytes[index] { return false }
    return true
  }
}
