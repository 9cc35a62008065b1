internal import Foundation

/// Files that are there whole or not at all, whenever the machine loses its power.
enum Disk {
  static func read(_ path: String) throws -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw PolicyStore.Failure("cannot read \(path)")
    }
    return Array(data)
  }

  static func write(_ bytes: [UInt8], to path: String) throws {
    try write(to: path) { append in try append(bytes) }
  }

  /// What `body` appends, piece by piece.
  static func write(to path: String, _ body: (([UInt8]) throws -> Void) throws -> Void) throws {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure(path) }
    defer { close(descriptor) }
    try body { try append($0, to: descriptor, path) }
    guard fsync(descriptor) == 0 else { throw failure(path) }
  }

  private static func append(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws {
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Foundation.write(
          descriptor, $0.baseAddress.map { unsafe $0 + written }, bytes.count - written)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure(path) }
      written += count
    }
  }

  private static func failure(_ path: String) -> PolicyStore.Failure {
    PolicyStore.Failure("cannot write \(path): \(PolicyStore.reason)")
  }

  static func replace(_ path: String, with bytes: [UInt8]) throws {
    try write(bytes, to: path + ".new")
    guard unsafe rename(path + ".new", path) == 0 else { throw failure(path) }
    sync((path as NSString).deletingLastPathComponent)
  }

  static func sync(_ folder: String) {
    let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
