import Foundation

/// A real Pebble on loopback, strict and refusing every fifth nonce, that validates on given ports.
final class Authority {
  let folder: TemporaryFolder
  let port: UInt16
  /// Put in front of each program.
  private let prefix: [String]
  private let server = Process()
  private let names = Process()

  /// `lifetime` of what it issues, in seconds; `inside` a network namespace where one is named.
  init(
    httpPort: UInt16, tlsPort: UInt16, lifetime: Int = 7_776_000, port: UInt16? = nil,
    inside namespace: String? = nil
  ) throws {
    self.port = port ?? RawSocket.quietPort()
    prefix = namespace.map { ["ip", "netns", "exec", $0] } ?? []
    folder = try TemporaryFolder()
    let namePort = RawSocket.quietPort()
    let made = try run(
      "openssl",
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
        "30", "-subj", "/CN=pebble", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
        path("server.key"), "-out", path("server.pem"),
      ])
    guard made.status == 0 else { throw Gate.Failure(text: made.standardError) }
    let management = RawSocket.quietPort()
    let file = try folder.write(
      "pebble.json",
      """
      {"pebble": {"listenAddress": "127.0.0.1:\(self.port)",
        "managementListenAddress": "127.0.0.1:\(management)", "certificate": "\(path("server.pem"))",
        "privateKey": "\(path("server.key"))", "httpPort": \(httpPort), "tlsPort": \(tlsPort),
        "ocspResponderURL": "", "certificateValidityPeriod": \(lifetime)}}
      """)
    try start(
      names, "pebble-challtestsrv",
      [
        "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01", "127.0.0.1:\(namePort)",
        "-http01", "", "-https01", "", "-tlsalpn01", "", "-management",
        "127.0.0.1:\(RawSocket.quietPort())",
      ], says: "management", "names.log")
    try start(
      server, "pebble", ["-config", file, "-strict", "-dnsserver", "127.0.0.1:\(namePort)"],
      says: "ACME directory available at", "pebble.log")
  }

  deinit { stop() }

  /// What an administrator writes to use it.
  var yaml: String {
    "{ directory: \"https://127.0.0.1:\(port)/dir\", ca: \(path("server.pem")), email: ops@shop.test }"
  }

  var trustPath: String { path("server.pem") }

  func stop() {
    for process in [server, names] where process.isRunning {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
  }

  private func path(_ name: String) -> String { folder.url.appendingPathComponent(name).path }

  private func start(
    _ process: Process, _ program: String, _ arguments: [String], says: String, _ log: String
  ) throws {
    _ = try folder.write(log, "")
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = prefix + [program] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging([
      "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "20", "PEBBLE_AUTHZREUSE": "0",
    ]) { $1 }
    let output = try FileHandle(forWritingTo: folder.url.appendingPathComponent(log))
    process.standardOutput = output
    process.standardError = output
    try process.run()
    for _ in 0..<200 {
      let text = try String(contentsOfFile: path(log), encoding: .utf8)
      if text.contains(says) { return }
      usleep(50_000)
    }
    throw Gate.Failure(text: "\(program) did not start; is the package pebble installed?")
  }
}
