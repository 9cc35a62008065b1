internal import CLinux
public import Firewall
internal import Foundation

/// Speaks to a running process over its admin socket: one request, one answer.
public struct AdminClient: Sendable {
  public enum Failure: Error, CustomStringConvertible {
    case notRunning(socket: String)
    case notAllowed(socket: String)
    /// It took the request, or the connection, and said nothing in time.
    case silent(socket: String)
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
      case .silent(let socket):
        "the process at \(socket) does not answer; is it stopped, or busy? see: ss -lxp, top"
      case .notAllowed(let socket): "no permission to use \(socket): become its owner, or root"
      case .broken(let what): "the answer of the running process can't be read: \(what)"
      case .refused(_, let errors): errors.joined(separator: "\n")
      }
    }
  }

  /// Seconds.
  static let answerLimit = 5
  static let changeLimit = 30

  private let socket: String

  public init(socket: String) { self.socket = socket }

  public func status() throws -> Status { try decode(request("GET", "/v1/status")) }

  public func apply() throws -> Status { try decode(request("POST", "/v1/apply")) }

  /// Has the certificates folders read anew: what changed and passes the gates is put to work, and
  /// each worker is asked for it over a handshake. With a `name`, tells of that one alone.
  public func refreshCertificates(_ name: String? = nil) throws -> CertificateRefresh {
    let path = "/v1/certificates/refresh" + (name.map { "/\(escaped($0))" } ?? "")
    return try readJSON(CertificateRefresh.self, request("POST", path))
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

  func request(_ method: String, _ path: String, _ body: Data = Data()) throws -> Data {
    // What changes something may wait for workers, the kernel or a probe.
    let handle = try connect(waiting: method == "GET" ? Self.answerLimit : Self.changeLimit)
    defer { try? handle.close() }
    let head = """
      \(method) \(path) HTTP/1.1\r
      Host: gatehouse\r
      Connection: close\r
      Content-Type: application/json\r
      Content-Length: \(body.count)\r
      \r

      """
    let answer: Data
    do {
      try handle.write(contentsOf: Data(head.utf8) + body)
      answer = try handle.readToEnd() ?? Data()
    } catch { throw Failure.silent(socket: socket) }
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

  private func connect(waiting seconds: Int) throws -> FileHandle {
    let number = CLinux.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw Failure.broken("no socket") }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let path = Array(socket.utf8)
    guard path.count < 108 else {
      close(number)
      throw Failure.broken("the socket's path is longer than 107 bytes")
    }
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path) }
    let answer = unsafe withUnsafeBytes(of: &address) {
      unsafe CLinux.connect(
        number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
    }
    let code = errno
    guard answer == 0 else {
      close(number)
      throw code == EACCES ? Failure.notAllowed(socket: socket) : Failure.notRunning(socket: socket)
    }
    var timeout = timeval(tv_sec: seconds, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    unsafe setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &timeout, size)
    return FileHandle(fileDescriptor: number, closeOnDealloc: true)
  }
}
