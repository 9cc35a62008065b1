/// What a server answers where it may also say no.
enum ServerReply: Equatable {
  case ok
  case error(ServerError)
  /// During login: another way to prove the password, with another challenge as that plugin wrote it.
  case switchPlugin(String, challenge: [UInt8])
  /// During login: what the plugin itself has to say.
  case more([UInt8])
  case broken(String)

  /// The reply to a login.
  init(readingLogin body: ArraySlice<UInt8>) {
    var reader = ByteReader(body)
    switch reader.byte() {
    case 0x00?: self = .ok
    case 0x01?: self = .more(Array(reader.rest))
    case 0xfe?:
      guard let name = reader.bytesUntilZero() else {
        self = .broken("asks for a way to log in that is older than MySQL 4.1")
        return
      }
      self = .switchPlugin(ForeignText.line(name), challenge: Array(reader.rest))
    case 0xff?: self = ServerError(reading: body).map(Self.error) ?? .broken("a cut error")
    case let byte?: self = .broken("an unknown answer to a login (\(byte))")
    case nil: self = .broken("an empty answer to a login")
    }
  }
}

/// An error packet.
public struct ServerError: Sendable, Equatable {
  public var code: Int
  /// What it says, as one line.
  public var message: String

  public init(code: Int, message: String) {
    self.code = code
    self.message = message
  }

  /// Nil where it is no such packet.
  init?(reading body: ArraySlice<UInt8>) {
    var reader = ByteReader(body)
    guard reader.byte() == 0xff, let code = reader.number(byteCount: 2) else { return nil }
    self.code = Int(code)
    // Before login there is no state: `#` and five characters.
    let hasState = reader.rest.first == UInt8(ascii: "#") && reader.rest.count >= 6
    message = ForeignText.line(reader.rest.dropFirst(hasState ? 6 : 0))
  }
}
