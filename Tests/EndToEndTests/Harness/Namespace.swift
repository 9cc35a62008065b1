import Foundation
import Testing

/// A network namespace of the test's own, and a folder for what the firewall remembers there; the
/// machine's ruleset and its state are never touched.
final class Namespace {
  let name = "gh-\(UUID().uuidString.prefix(8))"
  let folder: TemporaryFolder

  init(state folder: TemporaryFolder? = nil) throws {
    self.folder = try folder ?? TemporaryFolder()
    let made = try run("ip", ["netns", "add", name])
    guard made.status == 0 else { throw Gate.Failure(text: made.standardError) }
    try callAsFunction("ip", "link", "set", "lo", "up")
  }

  var environment: [String: String] { ["GATEHOUSE_STATE": state] }
  var state: String { folder.url.appendingPathComponent("state").path }

  @discardableResult
  func callAsFunction(_ arguments: String...) throws -> Output { try exec(arguments) }

  /// Our program, with the state of this namespace.
  @discardableResult
  func gatehouse(_ arguments: String..., from connection: String? = nil) throws -> Output {
    try exec([Place.gatehouse] + arguments, connection.map { ["SSH_CONNECTION": $0] } ?? [:])
  }

  func gatehouse(_ arguments: [String]) throws -> Output {
    try exec([Place.gatehouse] + arguments)
  }

  /// Does it, or ends the test.
  func must(_ arguments: String...) throws {
    let output = try exec(arguments)
    guard output.status == 0 else {
      throw Gate.Failure(text: "\(arguments): \(output.standardOutput)\(output.standardError)")
    }
  }

  private func exec(_ arguments: [String], _ more: [String: String] = [:]) throws -> Output {
    try run(
      "ip", ["netns", "exec", name] + arguments, environment: environment.merging(more) { $1 })
  }

  /// Starts what goes on beside the test; ends with its owner.
  func start(_ arguments: String..., as user: UInt32? = nil) throws -> Companion {
    let prefix = user.map { ["setpriv", "--reuid=\($0)", "--regid=\($0)", "--clear-groups"] } ?? []
    return try Companion(["ip", "netns", "exec", name] + prefix + arguments, environment)
  }

  func start(_ arguments: [String]) throws -> Companion {
    try Companion(["ip", "netns", "exec", name] + arguments, environment)
  }

  /// All that is in the kernel, as nft prints it; with the counts and the time that is left taken out.
  func ruleset() throws -> String {
    try callAsFunction("nft", "list", "ruleset").standardOutput
      .replacing(#/(timeout|expires) (\d+(ms|s|m|h|d))+/#) { "\($0.output.1) T" }
      .replacing(#/packets \d+ bytes \d+/#, with: "packets N bytes N")
  }

  /// The same, by counter, set and chain: their order means nothing.
  func objects() throws -> [String] {
    try ruleset().components(separatedBy: "\n\t}\n")
      .map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }.sorted()
  }

  deinit { _ = try? run("ip", ["netns", "del", name]) }
}

extension Namespace {
  /// A policy with these services, and more of its sections where one wants them.
  func policy(_ services: String, _ more: String = "") throws -> String {
    try folder.write(
      "p.yaml",
      """
      version: 1
      groups: { two: [192.0.2.0/31, { cidr: 192.0.2.64/31, until: 2099-12-31 }] }
      management: { from: [10.77.0.9, fd77::9], to: [tcp/22] }
      \(more)
      services: { \(services) }

      """)
  }

  func apply(_ services: String, _ more: String = "") throws {
    let told = try gatehouse("policy", "apply", policy(services, more))
    #expect(told.status == 0, "\(told.standardError)")
  }
}

/// A program that runs beside a test, and what it printed so far.
final class Companion {
  let process = Process()
  private let log: URL

  init(_ arguments: [String], _ environment: [String: String] = [:]) throws {
    log = FileManager.default.temporaryDirectory.appendingPathComponent(
      "gatehouse-e2e-\(UUID().uuidString.prefix(8)).log")
    try Data().write(to: log)
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let handle = try FileHandle(forWritingTo: log)
    process.standardOutput = handle
    process.standardError = handle
    process.standardInput = Pipe()
    try process.run()
  }

  var text: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

  /// Waits until it has printed this, at most `seconds`.
  func says(_ wanted: String, seconds: Int = 10) -> Bool {
    for _ in 0..<(seconds * 50) {
      if text.contains(wanted) { return true }
      usleep(20_000)
    }
    return false
  }

  func signal(_ number: Int32) {
    if process.isRunning { kill(process.processIdentifier, number) }
  }

  deinit {
    signal(SIGKILL)
    process.waitUntilExit()
    try? FileManager.default.removeItem(at: log)
  }
}

/// A server, and a client on a cable to it: 10.77.0.1 and 10.77.0.2 to .9, fd77::1 and fd77::2 to ::9.
final class Cable {
  let server: Namespace
  let client: Namespace

  init() throws {
    server = try Namespace()
    client = try Namespace()
    try server.must(
      "ip", "link", "add", "up0", "type", "veth", "peer", "name", "down0", "netns", client.name)
    try server.must("ip", "addr", "add", "10.77.0.1/24", "dev", "up0")
    try server.must("ip", "addr", "add", "fd77::1/64", "dev", "up0", "nodad")
    try server.must("ip", "link", "set", "up0", "up")
    for last in 2...9 {
      try client.must("ip", "addr", "add", "10.77.0.\(last)/24", "dev", "down0")
      try client.must("ip", "addr", "add", "fd77::\(last)/64", "dev", "down0", "nodad")
    }
    try client.must("ip", "link", "set", "down0", "up")
  }
}
