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
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw PolicyStore.Failure("cannot write \(path): \(PolicyStore.reason)")
    }
    defer { close(descriptor) }
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Foundation.write(
          descriptor, $0.baseAddress.map { unsafe $0 + written }, bytes.count - written)
      }
      guard count > 0 else {
        throw PolicyStore.Failure("cannot write \(path): \(PolicyStore.reason)")
      }
      written += count
    }
    guard fsync(descriptor) == 0 else {
      throw PolicyStore.Failure("cannot write \(path): \(PolicyStore.reason)")
    }
  }

  static func replace(_ path: String, with bytes: [UInt8]) throws {
    try write(bytes, to: path + ".new")
    guard unsafe rename(path + ".new", path) == 0 else {
      throw PolicyStore.Failure("cannot write \(path): \(PolicyStore.reason)")
    }
    sync((path as NSString).deletingLastPathComponent)
  }

  static func sync(_ folder: String) {
    let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
