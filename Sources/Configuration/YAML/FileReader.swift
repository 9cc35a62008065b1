import Foundation

/// Reads regular files whole, within a limit.
enum FileReader {
  struct File {
    var bytes: [UInt8]
    /// Permission bits.
    var mode: UInt32
  }

  enum Failure: Error {
    case system(Int32)
    case notRegular
    case tooLarge(limit: Int)

    var text: String {
      switch self {
      case .system(let number): unsafe String(cString: strerror(number))
      case .notRegular: "not a regular file"
      case .tooLarge(let limit): "larger than \(ByteSize.text(limit))"
      }
    }
  }

  static func read(_ path: String, limit: Int) throws(Failure) -> File {
    // A FIFO would hold the caller until somebody writes; O_NONBLOCK opens it at once.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .system(errno) }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw .system(errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegular }
    guard status.st_size <= limit else { throw .tooLarge(limit: limit) }
    let bytes = try contents(descriptor, expected: Int(status.st_size), limit)
    return File(bytes: bytes, mode: status.st_mode & 0o7777)
  }

  private static func contents(
    _ descriptor: Int32, expected: Int, _ limit: Int
  ) throws(Failure) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(expected)
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes {
        unsafe Foundation.read(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .system(errno) }
      guard count > 0 else { return bytes }
      guard bytes.count + count <= limit else { throw .tooLarge(limit: limit) }
      bytes.append(contentsOf: chunk.prefix(count))
    }
  }
}

/// Paths as they stand in files: relative to the folder of the file that names them.
enum FilePath {
  static func resolve(_ path: String, from file: String) -> String {
    path.hasPrefix("/") ? path : simplified(folder(of: file) + path)
  }

  /// Up to and with the last slash; empty when there is none.
  static func folder(of file: String) -> String {
    guard let slash = file.lastIndex(of: "/") else { return "" }
    return String(file[...slash])
  }

  /// Without `.` and without `name/..`.
  static func simplified(_ path: String) -> String {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == "..", let last = parts.last, last != ".." {
        parts.removeLast()
      } else if part != ".." || !path.hasPrefix("/") {
        parts.append(part)
      }
    }
    let joined = (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
    return joined.isEmpty ? "." : joined
  }
}
