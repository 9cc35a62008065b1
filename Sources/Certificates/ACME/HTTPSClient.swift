/// Asks an ACME server one thing at a time, blocking; each request has a connection of its own.
final class HTTPSClient {
  static let connectLimit = Duration.seconds(10)
  /// Of a whole exchange, its connection included.
  static let exchangeLimit = Duration.seconds(30)
  private static let redirectLimit = 3

  enum Method: String {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
  }

  /// Shorter in tests only.
  var exchangeLimit = HTTPSClient.exchangeLimit
  private let trustPath: String?
  private let agent: String
  private var context: TrustContext?

  /// `agent` is what the requests call their sender: `gatehouse/1.2`.
  init(trustPath: String?, agent: String) {
    self.trustPath = trustPath
    self.agent = agent
  }

  func get(_ url: SecureURL, accept: String = "application/json") throws(ACMEError) -> HTTPSResponse
  {
    try exchange(.get, url, ["Accept": accept], [])
  }

  /// As `get`, but goes where the answer sends it, https only.
  func getFollowing(_ url: SecureURL) throws(ACMEError) -> HTTPSResponse {
    var url = url
    for _ in 0...Self.redirectLimit {
      let response = try get(url)
      guard [301, 302, 303, 307, 308].contains(response.status),
        let place = response["location"]
      else { return response }
      url = try SecureURL(place.hasPrefix("/") ? "https://\(url.hostField)\(place)" : place)
    }
    throw ACMEError(url.description, "more than \(Self.redirectLimit) redirections")
  }

  func head(_ url: SecureURL) throws(ACMEError) -> HTTPSResponse {
    try exchange(.head, url, [:], [])
  }

  func post(
    _ url: SecureURL, _ body: [UInt8], type: String, accept: String
  ) throws(ACMEError) -> HTTPSResponse {
    try exchange(.post, url, ["Accept": accept, "Content-Type": type], body)
  }

  private func exchange(
    _ method: Method, _ url: SecureURL, _ fields: [String: String], _ body: [UInt8]
  ) throws(ACMEError) -> HTTPSResponse {
    let deadline = Deadline(after: exchangeLimit)
    let context = try trust()
    let connection = try SecureConnection(
      to: url, trusting: context, connectBy: deadline.sooner(Self.connectLimit), by: deadline)
    var head = "\(method.rawValue) \(url.target) HTTP/1.1\r\nHost: \(url.hostField)\r\n"
    head += "User-Agent: \(agent)\r\nConnection: close\r\n"
    for (name, value) in fields.sorted(by: { $0.key < $1.key }) { head += "\(name): \(value)\r\n" }
    if method == .post { head += "Content-Length: \(body.count)\r\n" }
    try connection.send(Array((head + "\r\n").utf8) + body, by: deadline)
    var reader = ResponseReader(isOfHead: method == .head)
    do throws(ResponseReader.Refusal) {
      while true {
        let bytes = try received(connection, deadline)
        if bytes.isEmpty { return try reader.end() }
        if let response = try reader.take(bytes) { return response }
        // A peer may feed one byte at a time; the whole has one deadline all the same.
        if deadline.isPassed { throw ResponseReader.Refusal(problem: Socket.silence) }
      }
    } catch {
      throw ACMEError(url.description, error.problem)
    }
  }

  private func received(
    _ connection: SecureConnection, _ deadline: Deadline
  ) throws(ResponseReader.Refusal) -> [UInt8] {
    do throws(ACMEError) { return try connection.receive(by: deadline) } catch {
      throw ResponseReader.Refusal(problem: error.problem)
    }
  }

  private func trust() throws(ACMEError) -> TrustContext {
    if let context { return context }
    let new = try TrustContext(path: trustPath)
    context = new
    return new
  }
}
