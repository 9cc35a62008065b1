import Foundation
import Glibc
import Testing

/// Every command of the page on certificates, in a network namespace of its own: with the real ports.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces"))
struct CertificateGuideTests {
  @Test func `root: docs/certificates_md does what it says`() throws {
    let guide = try Guide("docs/certificates.md")
    #expect(guide.commandCount >= 20)
    let space = try Namespace()
    let authority = try Authority(
      httpPort: 80, tlsPort: 443, lifetime: 90 * 86_400, port: 14_000, inside: space.name)
    try FileManager.default.copyItem(
      atPath: authority.trustPath,
      toPath: space.folder.url.appendingPathComponent("pebble.pem").path)
    _ = try space.folder.write("www/index.html", "hello\n")
    let origin = try space.start(
      "python3", "-m", "http.server", "8080", "--bind", "127.0.0.1", "--directory",
      space.folder.url.appendingPathComponent("www").path)
    var gate: Companion?
    let played = try guide.play(in: space.folder) { command, _ in
      guard !command.hasSuffix(" &") else {
        let words = command.dropLast(2).split(separator: " ").dropFirst().map(String.init)
        let started = try Companion(["ip", "netns", "exec", space.name, Place.gatehouse] + words)
        #expect(started.says("ready on"), "\(started.text)")
        gate = started
        return ""
      }
      let output = try Self.type(command, space)
      // What the process does by itself in the meantime.
      if command.contains(" apply "), command.contains("gatehouse.yaml"),
        try String(
          contentsOf: space.folder.url.appendingPathComponent("gatehouse.yaml"), encoding: .utf8
        ).contains("acme:")
      {
        #expect(gate?.says("acme: www.example.com v") == true, "\(gate?.text ?? "")")
      }
      if command.hasPrefix("cp ") {
        #expect(gate?.says("\"oops\" of listener https is not") == true)
      }
      return output
    }
    withExtendedLifetime((authority, origin, gate)) {}
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try Data(played.utf8).write(to: guide.page)
    }
    let expected = try String(contentsOf: guide.page, encoding: .utf8)
    #expect(Guide.steady(played) == Guide.steady(expected))
  }

  private static func type(_ command: String, _ space: Namespace) throws -> String {
    let names = "--resolve www.example.com:443:127.0.0.1"
    let line = command.replacing(#/^curl /#, with: "curl \(names) ")
    let folder = URL(fileURLWithPath: Place.gatehouse).deletingLastPathComponent().path
    let output = try run(
      "ip", ["netns", "exec", space.name, "sh", "-c", line],
      environment: [
        "PATH": "\(folder):/usr/bin:/bin:/usr/sbin:/sbin", "TZ": "UTC", "USER": "alice",
      ])
    #expect(output.status < 2, "\(command): \(output.standardError)")
    return output.standardOutput + output.standardError
  }
}
