/// A request to this process itself.
public struct LocalRequest: Sendable {
  public let method: String
  /// Without the query; as it was sent.
  public let path: String
  public let query: String
  public internal(set) var body: [UInt8] = []
  /// All of them, as they were sent.
  public var fields: [LocalField] = []
  /// All of Host; empty where HTTP/1.0 came without one.
  public var authority = ""
  public var isTLS = false
  /// Who asks, on a Unix socket.
  public var peer: PeerCredentials?
  /// The other end, where there is a network.
  public var address: SocketAddress?
  /// What the client's certificate says of him; nil where he has shown none.
  public var certificate: ClientNames?

  public init(method: String, path: String, query: String = "") {
    self.method = method
    self.path = path
    self.query = query
  }

  /// Of every field with this lower-case name, in order.
  public func values(of name: String) -> [String] {
    fields.filter { $0.name == name }.map(\.value)
  }

  /// Nil where the request has none; several are one list.
  public var ifMatch: String? {
    let all = values(of: "if-match")
    return all.isEmpty ? nil : all.joined(separator: ",")
  }
}

/// A header field; a name that was received is in lower case.
public struct LocalField: Sendable, Equatable {
  public var name: String
  public var value: String

  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

public struct LocalResponse: Sendable {
  public let status: UInt16
  public let contentType: String
  public let body: [UInt8]
  /// Sent as ETag, in quotes; letters, digits, `.` and `-` only.
  public let tag: String?
  public var fields: [LocalField] = []
  /// After the body the connection stays open for all that is published.
  public var isEventStream = false
  /// Who asks, under a name that tells him from others; nil while nobody knows.
  public var caller: String?
  /// What takes time: nothing of this answer is sent but what it calls back with, once, from any thread;
  /// it must not keep its caller waiting.
  public var later: (@Sendable (@escaping @Sendable (LocalResponse) -> Void) -> Void)?

  public init(status: UInt16, contentType: String, body: [UInt8], tag: String? = nil) {
    self.status = status
    self.contentType = contentType
    self.body = body
    self.tag = tag
  }

  /// With a change to what is sent, whenever that is.
  public func with(_ change: @escaping @Sendable (inout LocalResponse) -> Void) -> LocalResponse {
    var response = self
    change(&response)
    if let later {
      response.later = { answer in
        later { late in
          var late = late
          change(&late)
          answer(late)
        }
      }
    }
    return response
  }

  /// Bytes of all fields together; those past it, or with a control character in them, are not sent.
  static let fieldLimit = 4 << 10

  /// The lines of the head that are this answer's own, each with its CR LF.
  var lines: [UInt8] {
    var lines: [UInt8] = []
    let all = fields + (tag.map { [LocalField("ETag", "\"\($0)\"")] } ?? [])
    for field in all {
      let line = Array("\(field.name): \(field.value)".utf8)
      guard line.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }),
        lines.count + line.count + 2 <= Self.fieldLimit
      else { continue }
      lines += line + Array("\r\n".utf8)
    }
    return lines
  }
}

extension String {
  init(copying bytes: Span<UInt8>) {
    self = unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
  }
}

extension [UInt8] {
  init(copying bytes: Span<UInt8>) {
    self = unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) }
  }
}
