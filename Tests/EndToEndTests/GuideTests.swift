import Foundation
import Testing

/// Every command of a guide is typed as it stands there, and prints what stands there.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces"))
struct GuideTests {
  @Test func `root: docs/firewall_md does what it says`() throws {
    let guide = try Guide("docs/firewall.md")
    #expect(guide.commandCount >= 15)
    let played = try guide.play(in: Namespace())
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try Data(played.utf8).write(to: guide.page)
    }
    let expected = try String(contentsOf: guide.page, encoding: .utf8)
    #expect(Guide.steady(played) == Guide.steady(expected))
  }
}

/// A page with files to write (```yaml, their path in a comment on top) and terminals to type in
/// (```console, a command after each `$ `).
private struct Guide {
  let page: URL
  private let lines: [String]

  init(_ path: String) throws {
    page = Place.root.appendingPathComponent(path)
    lines = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "\n")
  }

  var commandCount: Int { lines.count { $0.hasPrefix("$ ") } }

  /// The page, with what its commands print now.
  func play(in space: Namespace) throws -> String {
    var result: [String] = []
    var token = ""
    var terminal = 50_000
    var index = 0
    while index < lines.count {
      let line = lines[index]
      result.append(line)
      index += 1
      guard line == "```yaml" || line == "```console" else { continue }
      var block: [String] = []
      while index < lines.count, lines[index] != "```" {
        block.append(lines[index])
        index += 1
      }
      if line == "```yaml" {
        result += block
        try write(block, space)
        continue
      }
      terminal += 1
      for typed in block where typed.hasPrefix("$ ") {
        let command = typed.dropFirst(2).replacing("TOKEN", with: token)
        let shown = command.replacing(#/confirm \S+/#, with: "confirm \(token)")
        result.append("$ " + shown)
        let output = try type(String(shown), space, terminal)
        if let found = output.firstMatch(of: #/policy confirm (\S+)/#) {
          token = String(found.output.1)
        }
        result += output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
          .dropLast()
      }
    }
    return result.joined(separator: "\n")
  }

  private func write(_ block: [String], _ space: Namespace) throws {
    guard let path = block.first, path.hasPrefix("# /etc/gatehouse/") else { return }
    _ = try space.folder.write(
      String(path.dropFirst("# /etc/gatehouse/".count)),
      block.dropFirst().joined(separator: "\n") + "\n")
  }

  /// Each terminal is a connection of its own.
  private func type(_ command: String, _ space: Namespace, _ port: Int) throws -> String {
    let folder = space.folder.url.path
    let words = command.replacing("/etc/gatehouse", with: folder).split(separator: " ").dropFirst()
    let output = try run(
      "ip", ["netns", "exec", space.name, Place.gatehouse] + words.map(String.init),
      environment: space.environment.merging([
        "SSH_CONNECTION": "10.77.0.2 \(port) 10.77.0.1 22", "USER": "alice", "SUDO_USER": "alice",
        "TZ": "UTC",
      ]) { $1 })
    #expect(output.status < 2 || output.standardError.contains("never bans"), "\(command)")
    return (output.standardOutput + output.standardError).replacing(folder, with: "/etc/gatehouse")
  }

  /// Without what is another at each run.
  static func steady(_ page: String) -> String {
    page.replacing(#/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/#, with: "DATE")
      .replacing(#/\d\d:\d\d:\d\d/#, with: "TIME")
      .replacing(#/\d+\.\d ms/#, with: "N ms")
      .replacing(#/\d-[0-9a-f]{4}\b/#, with: "TOKEN")
      .replacing(#/2h|1h 59m/#, with: "2h")
      .replacing(#/process \d+/#, with: "process N")
  }
}
