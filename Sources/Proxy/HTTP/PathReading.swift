/// The ways in which a server behind may read a normalised path: some decode what escapes are left,
/// some cut `;parameters` off each segment, some drop a slash at the end, or all of that.
///
/// Two readings speak for all: as the path is written, and with all of it done. A pattern that names
/// a path names it in every further reading, too, both being read alike: so the rules of a reading
/// between are among those of the loosest, and where it has none, the path as written has none.
enum PathReading {
  /// Whether every server reads it as it is written.
  static func isPlain(_ path: Span<UInt8>) -> Bool {
    guard path.count > 1 else { return true }
    for index in path.indices {
      let byte = path[index]
      if byte == UInt8(ascii: ";") || byte == UInt8(ascii: "%") { return false }
    }
    return path[path.count - 1] != UInt8(ascii: "/")
  }

  /// With all done that a server may do; a segment that is empty then is dropped.
  static func loosest(_ path: Span<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(path.count)
    var isParameter = false
    var index = 0
    while index < path.count {
      var byte = path[index]
      if byte == UInt8(ascii: "%"), let decoded = PathNormalizer.escape(path, at: index),
        decoded != UInt8(ascii: "/")
      {
        byte = decoded
        index += 2
      }
      index += 1
      if byte == UInt8(ascii: "/") {
        isParameter = false
        if bytes.last == UInt8(ascii: "/") { continue }
      } else if byte == UInt8(ascii: ";") {
        isParameter = true
      }
      if !isParameter { bytes.append(byte) }
    }
    if bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
    return bytes
  }
}
