import Foundation

/// Tells one version of a policy's file from another, in logs; proves nothing.
enum PolicyRevision {
  /// Twelve hexadecimal digits; empty where the file cannot be read.
  static func text(_ path: String) -> String {
    guard let bytes = try? FileReader.read(path, limit: 16 << 20).bytes else { return "" }
    // FNV-1a.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let digits = String(hash, radix: 16)
    return String((String(repeating: "0", count: 16 - digits.count) + digits).suffix(12))
  }
}
