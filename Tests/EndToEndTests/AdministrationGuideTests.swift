import Foundation
import Glibc
import Testing

/// Every command of the page on administration, in a network namespace of its own.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces"))
struct AdministrationGuideTests {
  @Test func `root: docs/administration_md does what it says`() throws {
    let guide = try Guide("docs/administration.md")
    #expect(guide.commandCount >= 15)
    let space = try Namespace()
    var gate: Companion?
    let played = try guide.play(in: space.folder) { command, _ in
      guard !command.hasSuffix(" &") else {
        let words = command.dropLast(2).split(separator: " ").dropFirst().map(String.init)
        let started = try Companion(["ip", "netns", "exec", space.name, Place.gatehouse] + words)
        #expect(started.says("ready on"), "\(started.text)")
        gate = started
        return ""
      }
      let folder = URL(fileURLWithPath: Place.gatehouse).deletingLastPathComponent().path
      let output = try run(
        "ip", ["netns", "exec", space.name, "sh", "-c", command],
        environment: ["PATH": "\(folder):/usr/bin:/bin:/usr/sbin:/sbin", "TZ": "UTC"])
      #expect(output.status < 2, "\(command): \(output.standardError)")
      return output.standardOutput + output.standardError
    }
    withExtendedLifetime(gate) {}
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try Data(played.utf8).write(to: guide.page)
    }
    let expected = try String(contentsOf: guide.page, encoding: .utf8)
    #expect(Guide.steady(played) == Guide.steady(expected))
  }
}
