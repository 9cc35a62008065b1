import Foundation
import Testing

/// Every command of a guide is typed as it stands there, and prints what stands there.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces"))
struct GuideTests {
  @Test func `root: docs/firewall_md does what it says`() throws {
    let guide = try Guide("docs/firewall.md", keepsPaths: true)
    #expect(guide.commandCount >= 15)
    let space = try Namespace()
    let played = try guide.play(in: space.folder) { command, terminal in
      try Self.type(command, space, 50_000 + terminal)
    }
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try Data(played.utf8).write(to: guide.page)
    }
    let expected = try String(contentsOf: guide.page, encoding: .utf8)
    #expect(Guide.steady(played) == Guide.steady(expected))
  }

  /// Each terminal is a connection of its own.
  private static func type(
    _ command: String, _ space: Namespace, _ port: Int
  ) throws -> String {
    let words = command.split(separator: " ").dropFirst()
    let output = try run(
      "ip", ["netns", "exec", space.name, Place.gatehouse] + words.map(String.init),
      environment: space.environment.merging([
        "SSH_CONNECTION": "10.77.0.2 \(port) 10.77.0.1 22", "USER": "alice", "SUDO_USER": "alice",
        "TZ": "UTC",
      ]) { $1 })
    #expect(output.status < 2 || output.standardError.contains("never bans"), "\(command)")
    return output.standardOutput + output.standardError
  }
}
