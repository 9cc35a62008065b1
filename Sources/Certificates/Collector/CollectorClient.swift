/// Posts to one collector, a request at a time, blocking; each has a connection of its own.
public struct CollectorClient: Sendable {
  public struct Answer: Sendable {
    public let status: Int
    /// In seconds, where it says so.
    public let retryAfter: Int?
    public let body: [UInt8]
  }

  public struct Failure: Error, CustomStringConvertible { public let description: String }

  private static let connectLimit = Duration.seconds(5)
  private static let exchangeLimit = Duration.seconds(10)

  private let url: SecureURL
  private let isTLS: Bool
  private let trustPath: String?
  private let fields: [(name: String, value: String)]

  /// `http://HOST[:PORT]/PATH` or `https://…`; the system's authorities are trusted where `trustPath`
  /// names no file of others. `fields` are sent as they are.
  public init(
    _ text: String, trustPath: String? = nil, fields: [(name: String, value: String)] = []
  ) throws(Failure) {
    isTLS = text.lowercased().hasPrefix("https://")
    guard isTLS || text.lowercased().hasPrefix("http://") else {
      throw Failure(description: "is neither an http nor an https URL")
    }
    let rest = text.drop { $0 != "/" }.dropFirst(2)
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    let hasPort =
      authority.drop { $0 != "]" }.contains(":") || authority.filter { $0 == ":" }.count == 1
    let port = hasPort || isTLS ? "" : ":80"
    do throws(ACMEError) {
      url = try SecureURL("https://\(authority)\(port)\(rest.dropFirst(authority.count))")
    } catch { throw Failure(description: error.problem.replacing("https://", with: "http[s]://")) }
    self.trustPath = trustPath
    self.fields = fields
  }

  public func post(_ body: [UInt8], type: String) throws(Failure) -> Answer {
    let deadline = Deadline(after: Self.exchangeLimit)
    var head = "POST \(url.target) HTTP/1.1\r\nHost: \(url.hostField)\r\nConnection: close\r\n"
    for field in fields { head += "\(field.name): \(field.value)\r\n" }
    head += "Content-Type: \(type)\r\nContent-Length: \(body.count)\r\n\r\n"
    let request = Array(head.utf8) + body
    do {
      let response = try isTLS ? secure(request, deadline) : plain(request, deadline)
      return Answer(
        status: response.status, retryAfter: response["retry-after"].flatMap { Int($0) },
        body: response.body)
    } catch let error as ACMEError {
      throw Failure(description: error.problem)
    } catch let error as Socket.ReadProblem {
      throw Failure(description: error.text)
    } catch let error as ResponseReader.Refusal {
      throw Failure(description: error.problem)
    } catch { throw Failure(description: "\(error)") }
  }

  private func secure(_ request: [UInt8], _ deadline: Deadline) throws -> HTTPSResponse {
    let connection = try SecureConnection(
      to: url, trusting: try TrustContext(path: trustPath),
      connectBy: deadline.sooner(Self.connectLimit), by: deadline)
    try connection.send(request, by: deadline)
    return try response(deadline) { try connection.receive(by: deadline) }
  }

  private func plain(_ request: [UInt8], _ deadline: Deadline) throws -> HTTPSResponse {
    let socket = try Socket(to: url, by: deadline.sooner(Self.connectLimit))
    try socket.send(request, by: deadline)
    return try response(deadline) { try socket.receive(by: deadline) }
  }

  private func response(
    _ deadline: Deadline, _ receive: () throws -> [UInt8]
  ) throws -> HTTPSResponse {
    var reader = ResponseReader()
    while !deadline.isPassed {
      let bytes = try receive()
      if bytes.isEmpty { return try reader.end() }
      if let response = try reader.take(bytes) { return response }
    }
    throw Failure(description: Socket.silence)
  }
}
