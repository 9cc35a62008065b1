public import Foundation

/// Looks for a request in an access log, from its end back, and in the file before it.
public struct AccessLogSearch {
  /// Of both files together; what is older is not looked for.
  public static let byteLimit = 512 << 20
  private static let blockBytes = 1 << 20
  /// No line of ours is longer.
  private static let lineLimit = 128 << 10

  public enum Outcome: Sendable, Equatable {
    case found(Data)
    case notFound(searched: Int)
    /// Why a file can't be read.
    case unreadable(String)
  }

  private let path: String
  private let limit: Int

  public init(path: String, limit: Int = AccessLogSearch.byteLimit) {
    self.path = path
    self.limit = limit
  }

  /// The last line that holds the text.
  public func line(with text: String) -> Outcome {
    guard let file = FileHandle(forReadingAtPath: path) else {
      return .unreadable("cannot read \(path): \(unsafe String(cString: strerror(errno)))")
    }
    var searched = 0
    for handle in [file, FileHandle(forReadingAtPath: "\(path).1")].compactMap(\.self) {
      defer { try? handle.close() }
      do {
        if let line = try Self.line(with: Data(text.utf8), in: handle, limit - searched, &searched)
        {
          return .found(line)
        }
      } catch { return .unreadable("cannot read \(path): \(error)") }
    }
    return .notFound(searched: searched)
  }

  private static func line(
    with needle: Data, in file: FileHandle, _ limit: Int, _ searched: inout Int
  ) throws -> Data? {
    var end = try file.seekToEnd()
    let start = end > UInt64(max(0, limit)) ? end - UInt64(max(0, limit)) : 0
    // The beginning of the block behind, which may be the rest of a line.
    var tail = Data()
    while end > start {
      let count = min(UInt64(blockBytes), end - start)
      try file.seek(toOffset: end - count)
      let block = try file.read(upToCount: Int(count)) ?? Data()
      guard !block.isEmpty else { return nil }
      searched += block.count
      let bytes = block + tail
      if let found = bytes.range(of: needle, options: .backwards) {
        let before = bytes[..<found.lowerBound].lastIndex(of: 0x0a)
        // The line's own beginning lies in the block before.
        if before != nil || end - count == 0 {
          let after = bytes[found.upperBound...].firstIndex(of: 0x0a) ?? bytes.endIndex
          return Data(bytes[(before.map { $0 + 1 } ?? bytes.startIndex)..<after])
        }
      }
      tail = Data(bytes.prefix(lineLimit))
      end -= count
    }
    return nil
  }
}
