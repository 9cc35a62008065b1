import Control
import Foundation
import Glibc
import Testing

/// A running `gatehouse` over a configuration that a test wrote.
final class Gate {
  let folder: TemporaryFolder
  let https: UInt16
  let http: UInt16
  private(set) var process = Process()
  private let errors: URL
  private let origins: [Origin]

  /// Two listeners in front of the origins, by default all in one backend `web`; `extra` is added
  /// to the file, `policy` makes one for the HTTPS port, and `edit` may change the file whole.
  init(
    _ origins: [Origin], redirects: Bool = false, extra: String = "",
    policy: ((UInt16) -> String)? = nil, ports: (https: UInt16, http: UInt16)? = nil,
    edit: (String) -> String = { $0 }
  ) throws {
    self.origins = origins
    https = ports?.https ?? RawSocket.freePort()
    http = ports?.http ?? RawSocket.freePort()
    folder = try TemporaryFolder()
    errors = folder.url.appendingPathComponent("stderr")
    try Gate.makeCertificate(in: folder)
    let servers = origins.enumerated().map {
      "      s\($0.offset + 1): { address: \"127.0.0.1:\($0.element.port)\" }"
    }
    let file = """
      listeners:
        https: { bind: "127.0.0.1:\(https)", certificates: certs }
        http: { bind: "127.0.0.1:\(http)"\(redirects ? ", redirect: https" : "") }
      backends:
        web:
          servers:
      \(servers.joined(separator: "\n"))
      routes:
        - { backend: web }
      workers: 1
      admin: { socket: admin.sock }
      state: state
      \(extra)
      \(policy == nil ? "" : "policy: policy.yaml")

      """
    if let policy { _ = try folder.write("policy.yaml", policy(https)) }
    _ = try folder.write("gatehouse.yaml", edit(file))
    try start()
  }

  var path: String { folder.url.appendingPathComponent("gatehouse.yaml").path }
  var socket: String { folder.url.appendingPathComponent("admin.sock").path }
  var ca: String { folder.url.appendingPathComponent("site.crt").path }
  var log: String { (try? String(contentsOf: errors, encoding: .utf8)) ?? "" }

  /// curl over TLS to `www.test`, trusting the test's certificate only.
  func curl(_ arguments: String..., path: String = "/", seconds: Double = 30) throws -> Output {
    try run(
      "curl",
      [
        "-sS", "--max-time", "\(Int(seconds))", "--cacert", ca, "--resolve",
        "www.test:\(https):127.0.0.1",
      ] + arguments + ["https://www.test:\(https)\(path)"], seconds: seconds + 5)
  }

  /// One connection in clear: sends the bytes, returns everything until the other side closes.
  func raw(_ text: String) throws -> String {
    let socket = try RawSocket(port: http)
    socket.send(text)
    return String(decoding: socket.receiveAll(), as: UTF8.self)
  }

  @discardableResult
  func command(_ arguments: String...) throws -> Output {
    try run(Place.gatehouse, arguments)
  }

  var isRunning: Bool { process.isRunning }

  func signal(_ number: Int32) { kill(process.processIdentifier, number) }

  /// Kills it and starts it again over the same files; its log begins anew.
  func restart() throws {
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    process = Process()
    try start()
  }

  /// Changes the file; to be applied.
  func rewrite(_ edit: (String) -> String) throws {
    let text = try String(contentsOfFile: path, encoding: .utf8)
    try edit(text).write(toFile: path, atomically: true, encoding: .utf8)
  }

  /// A request to the admin socket, as this user of the machine when one is named.
  func admin(
    _ method: String, _ path: String, _ body: String? = nil, as user: String? = nil,
    headers: [String] = []
  ) throws -> (status: Int, body: String, tag: String) {
    var words =
      user.map { ["setpriv", "--reuid", $0, "--regid", "nogroup", "--clear-groups"] } ?? []
    words += ["curl", "-sS", "--max-time", "20", "--unix-socket", socket, "-X", method]
    for header in headers { words += ["-H", header] }
    if let body { words += ["-d", body] }
    words += ["-w", "\n%{http_code} %header{etag}", "http://gatehouse\(path)"]
    let output = try run("env", words)
    let lines = output.standardOutput.split(separator: "\n", omittingEmptySubsequences: false)
    let last = (lines.last ?? "").split(separator: " ")
    return (
      Int(last.first ?? "") ?? 0, lines.dropLast().joined(separator: "\n"),
      last.count > 1 ? String(last[1]) : ""
    )
  }

  func status() throws -> Status { try AdminClient(socket: socket).status() }

  /// Waits until it holds, at most 15 s.
  func waits(_ isSo: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<150 {
      if try isSo() { return true }
      usleep(100_000)
    }
    return false
  }

  /// Waits until the log says it, at most 10 s.
  func waitForLog(_ text: String) -> Bool {
    for _ in 0..<200 {
      if log.contains(text) { return true }
      usleep(50_000)
    }
    return false
  }

  deinit {
    if process.isRunning {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
  }

  private func start() throws {
    try Data().write(to: errors)
    process.executableURL = URL(fileURLWithPath: Place.gatehouse)
    process.arguments = ["run", "-c", path]
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    guard waitForLog("ready on") else {
      throw Failure(text: "gatehouse did not get ready:\n\(log)")
    }
  }

  struct Failure: Error { let text: String }

  /// A self-signed certificate for www.test, *.wild.test and 127.0.0.1.
  static func makeCertificate(in folder: TemporaryFolder) throws {
    let certificate = folder.url.appendingPathComponent("site.crt").path
    let made = try run(
      "openssl",
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
        "30", "-subj", "/CN=www.test", "-addext",
        "subjectAltName=DNS:www.test,DNS:*.wild.test,IP:127.0.0.1", "-addext",
        "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth", "-keyout",
        folder.url.appendingPathComponent("site.key").path, "-out", certificate,
      ])
    guard made.status == 0 else { throw Failure(text: made.standardError) }
    let certs = folder.url.appendingPathComponent("certs")
    try FileManager.default.createDirectory(at: certs, withIntermediateDirectories: true)
    for name in ["site.crt", "site.key"] {
      try FileManager.default.copyItem(
        at: folder.url.appendingPathComponent(name), to: certs.appendingPathComponent(name))
    }
    _ = unsafe chmod(certs.appendingPathComponent("site.key").path, 0o600)
  }
}
