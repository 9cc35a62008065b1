public import Firewall
internal import Foundation

/// Speaks to a running process over its admin socket: one request, one answer.
public struct AdminClient: Sendable {
  public enum Failure: Error, CustomStringConvertible {
    case notRunning(socket: String)
    case notAllowed(socket: String)
    /// It took the request, or the connection, and said nothing in time.
    case silent(socket: String, seconds: Int)
    case broken(String)
    /// The process answered, and said no.
    case refused(status: Int, errors: [String])

    public var description: String {
      switch self {
      case .notRunning(let socket):
        """
        no gatehouse answers on \(socket)
          start one with: gatehouse run -c FILE
          or name its socket (`admin: {socket: PATH}` in its file): --socket PATH
        """
      case .silent(let socket, let seconds):
        "the process at \(socket) has not answered within \(seconds) s; "
          + "is it stopped, or busy? see: ss -lxp, top"
      case .notAllowed(let socket): "no permission to use \(socket): become its owner, or root"
      case .broken(let what): "the answer of the running process can't be read: \(what)"
      case .refused(_, let errors): errors.joined(separator: "\n")
      }
    }
  }

  /// Seconds.
  static let answerLimit = 5
  /// For what may wait for workers, the kernel or a probe.
  public static let changeLimit = 30

  private let socket: String

  public init(socket: String) { self.socket = socket }

  public func status() throws -> Status { try decode(request("GET", "/v1/status")) }

  public func apply() throws -> Status { try decode(request("POST", "/v1/apply")) }

  /// Has the certificates folders read anew: what changed and passes the gates is put to work, and
  /// each worker is asked for it over a handshake. With a `name`, tells of that one alone. The answer
  /// is waited for so many seconds.
  public func refreshCertificates(
    _ name: String? = nil, within seconds: Int = changeLimit
  ) throws -> CertificateRefresh {
    let path = "/v1/certificates/refresh" + (name.map { "/\(escaped($0))" } ?? "")
    return try readJSON(CertificateRefresh.self, request("POST", path, within: seconds))
  }

  /// Has an authority's challenge answered by every worker.
  public func present(_ id: String, _ challenge: ChallengeBody) throws {
    let body = Data(try jsonText(challenge).utf8)
    _ = try request("PUT", "/v1/challenges/\(escaped(id))", body)
  }

  public func withdraw(_ id: String) throws {
    _ = try request("DELETE", "/v1/challenges/\(escaped(id))")
  }

  /// Has the proxy itself ban a client, or his IPv6 /64, for so long.
  public func ban(_ address: Address, seconds: UInt64) throws -> Status {
    let body = Data(try jsonText(BanSpan(seconds: seconds)).utf8)
    return try decode(request("PUT", "/v1/bans/\(address)", body))
  }

  /// Ends the ban of a client, or of his IPv6 /64, by the proxy itself.
  public func unban(_ address: Address) throws -> Status {
    try decode(request("DELETE", "/v1/bans/\(address)"))
  }

  func escaped(_ name: String) -> String {
    name.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(["-", "_", "."])) ?? name
  }

  private func decode(_ body: Data) throws -> Status {
    try readJSON(Status.self, body)
  }

  /// `seconds`: for connecting, asking and the whole answer together.
  func request(
    _ method: String, _ path: String, _ body: Data = Data(), within seconds: Int? = nil
  ) throws -> Data {
    let limit = seconds ?? (method == "GET" ? Self.answerLimit : Self.changeLimit)
    let connection = try AdminConnection(to: socket, within: limit)
    let head = """
      \(method) \(path) HTTP/1.1\r
      Host: gatehouse\r
      Connection: close\r
      Content-Type: application/json\r
      Content-Length: \(body.count)\r
      \r

      """
    try connection.send(Data(head.utf8) + body)
    let answer = try connection.receiveAll()
    guard let end = answer.range(of: Data("\r\n\r\n".utf8)),
      let line = String(decoding: answer[..<end.lowerBound], as: UTF8.self)
        .split(separator: "\r\n").first,
      let status = Int(line.split(separator: " ").dropFirst().first ?? "")
    else { throw Failure.broken("\(answer.count) bytes without a head") }
    let content = answer[end.upperBound...]
    guard status != 200 else { return Data(content) }
    let failure = try? readJSON(AdminFailure.self, Data(content))
    throw Failure.refused(status: status, errors: failure?.errors ?? ["status \(status)"])
  }
}
