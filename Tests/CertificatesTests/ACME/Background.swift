import Foundation
import Testing

/// A program that runs as long as its owner lives.
final class Background: @unchecked Sendable {
  let logPath: String
  private let process = Process()
  private let input = Pipe()

  /// What it prints goes to `log`.
  init(
    _ program: String, _ arguments: [String], log: String, environment: [String: String] = [:]
  ) throws {
    logPath = log
    try #require(FileManager.default.createFile(atPath: log, contents: nil))
    let sink = try #require(FileHandle(forWritingAtPath: log))
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = input
    process.standardOutput = sink
    process.standardError = sink
    try process.run()
  }

  deinit { stop() }

  func stop() {
    guard process.isRunning else { return }
    // Threads of the test runner block SIGTERM, and what they start inherits that.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

  /// The first line that holds `text`; gives up after 20 s, or when the program has ended.
  func line(with text: String) throws -> String {
    for _ in 0..<400 {
      let whole = log.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      if let line = whole.first(where: { $0.contains(text) }) { return String(line) }
      if !process.isRunning { break }
      Thread.sleep(forTimeInterval: 0.05)
    }
    throw Missing("\(process.arguments?.first ?? "") did not say \"\(text)\":\n\(log)")
  }

  /// Waits until somebody listens on a port; gives up as `line` does.
  func listens(on port: UInt16) throws {
    for _ in 0..<400 {
      if canConnect(port) { return }
      if !process.isRunning { break }
      Thread.sleep(forTimeInterval: 0.05)
    }
    throw Missing("\(process.arguments?.first ?? "") does not listen on \(port):\n\(log)")
  }

  struct Missing: Error, CustomStringConvertible {
    let description: String
    init(_ text: String) { description = text }
  }

  /// The program's path; says which package is missing when there is none.
  static func find(_ program: String, package: String) throws -> String {
    let folders = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"]
    let found = folders.map { "\($0)/\(program)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
    guard let found else {
      throw Missing(
        "\(program) is not installed; type: apt-get install \(package)  "
          + "(or scripts/install-dependencies test)")
    }
    return found
  }
}

/// A port of loopback nobody listens on at the moment, for TCP and UDP; below those the kernel gives
/// to connections, so that none takes it before the program it is for.
func freePort() throws -> UInt16 {
  for _ in 0..<200 {
    let port = UInt16.random(in: 20_000..<32_000)
    if canBind(port, SOCK_STREAM), canBind(port, SOCK_DGRAM) { return port }
  }
  throw Background.Missing("no free port")
}

private func canBind(_ port: UInt16, _ kind: __socket_type) -> Bool {
  unsafe withSocket(port, kind) { number, address, size in unsafe bind(number, address, size) == 0 }
}

private func canConnect(_ port: UInt16) -> Bool {
  unsafe withSocket(port, SOCK_STREAM) { number, address, size in
    unsafe connect(number, address, size) == 0
  }
}

private func withSocket(
  _ port: UInt16, _ kind: __socket_type,
  _ body: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Bool
) -> Bool {
  let number = socket(AF_INET, Int32(kind.rawValue), 0)
  defer { close(number) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  return unsafe withUnsafeBytes(of: &address) {
    unsafe body(
      number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
  }
}
