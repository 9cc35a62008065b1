internal import Foundation

/// Base64 as URLs carry it: two other letters, no padding (RFC 4648, section 5).
enum Base64URL {
  static func text(_ bytes: some Sequence<UInt8>) -> String {
    Data(bytes).base64EncodedString()
      .replacingOccurrences(of: "+", with: "-")
      .replacingOccurrences(of: "/", with: "_")
      .replacingOccurrences(of: "=", with: "")
  }

  /// Nil where a letter has no place in it; padding may be there, since people paste it.
  static func bytes(_ text: String) -> [UInt8]? {
    let body = text.utf8.reversed().drop { $0 == 0x3d }.reversed()
    guard body.allSatisfy(isLetter), body.count % 4 != 1 else { return nil }
    let plain = String(decoding: body, as: UTF8.self)
      .replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
    let padding = String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4)
    return Data(base64Encoded: plain + padding).map(Array.init)
  }

  static func isLetter(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
      || byte == 0x2d || byte == 0x5f
  }
}
