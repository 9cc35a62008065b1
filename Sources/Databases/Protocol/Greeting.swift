/// The first packet of a server, version 10 of the protocol.
struct Greeting: Equatable {
  /// As it calls itself, without the `5.5.5-` that MariaDB puts before it.
  var version: String
  var capabilities: UInt32
  /// What the password is scrambled with: 20 bytes.
  var challenge: [UInt8]
  var plugin: String

  static let challengeSize = 20
  private static let textLimit = 128
  private static let protocolVersion: UInt8 = 10
  private static let pluginAuth: UInt32 = 0x80000
  private static let protocol41: UInt32 = 0x200
  private static let secureConnection: UInt32 = 0x8000
  private static let ssl: UInt32 = 0x800

  /// Nil where it is no such packet.
  init?(reading body: ArraySlice<UInt8>) {
    var reader = ByteReader(body)
    guard reader.byte() == Self.protocolVersion, let version = reader.bytesUntilZero(),
      version.count <= Self.textLimit, reader.bytes(4) != nil, let first = reader.bytes(8),
      reader.byte() != nil, let low = reader.number(byteCount: 2), reader.bytes(3) != nil,
      let high = reader.number(byteCount: 2), let size = reader.byte(), reader.bytes(10) != nil
    else { return nil }
    let capabilities = UInt32(low | high << 16)
    // Without these two it is older than MySQL 4.1, and its scramble is worth nothing.
    guard capabilities & Self.protocol41 != 0, capabilities & Self.secureConnection != 0,
      let second = reader.bytes(max(13, Int(size) - 8))
    else { return nil }
    self.version = Self.plain(ForeignText.line(version))
    self.capabilities = capabilities
    challenge = Array((Array(first) + second).prefix(Self.challengeSize))
    plugin = "mysql_native_password"
    if capabilities & Self.pluginAuth != 0 {
      // Some old ones leave the last zero out.
      let name = reader.bytesUntilZero() ?? reader.rest
      guard name.count <= Self.textLimit else { return nil }
      plugin = ForeignText.line(name)
    }
  }

  var offersTLS: Bool { capabilities & Self.ssl != 0 }

  var isMariaDB: Bool { version.lowercased().contains("mariadb") }

  private static func plain(_ version: String) -> String {
    let mark = "5.5.5-"
    return version.hasPrefix(mark) ? String(version.dropFirst(mark.count)) : version
  }
}
