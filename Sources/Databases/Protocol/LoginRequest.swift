/// The packet that answers a greeting.
enum LoginRequest {
  /// LONG_PASSWORD, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH; neither
  /// LOCAL_FILES nor CONNECT_WITH_DB, and the results end with EOF packets.
  private static let capabilities: UInt32 = 0x1 | 0x200 | 0x2000 | 0x8000 | 0x80000
  private static let ssl: UInt32 = 0x800
  /// utf8mb4_general_ci.
  private static let characterSet: UInt8 = 45

  /// Asks for TLS; the login itself follows within.
  static let tlsRequest = head(isOverTLS: true)

  static func body(
    user: String, proof: LoginProof, answer: [UInt8], isOverTLS: Bool = false
  ) -> [UInt8] {
    var body = head(isOverTLS: isOverTLS)
    body += user.utf8.filter { $0 != 0 } + [0]
    body += [UInt8(truncatingIfNeeded: answer.count)] + answer
    return body + Array(proof.plugin.utf8) + [0]
  }

  private static func head(isOverTLS: Bool) -> [UInt8] {
    number(capabilities | (isOverTLS ? ssl : 0)) + number(UInt32(PacketAssembler.bodyLimit))
      + [characterSet] + [UInt8](repeating: 0, count: 23)
  }

  private static func number(_ value: UInt32) -> [UInt8] {
    [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value >> $0) }
  }
}
