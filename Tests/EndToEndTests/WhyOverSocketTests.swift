import Control
import Foundation
import Glibc
import Testing

/// `why` for those who may open the admin socket, and read nothing else.
@Suite(.enabled(if: getuid() == 0, "needs root: becomes other users"))
struct WhyOverSocketTests {
  @Test func `root: a viewer who may read no file is answered by the process`() throws {
    let gate = try Gate(
      [.named("s1"), .named("s2")],
      edit: {
        $0.replacing(
          "admin: { socket: admin.sock }", with: "admin: { socket: admin.sock, group: nogroup }")
      })
    _ = unsafe chmod(gate.path, 0o600)
    _ = try gate.admin("PATCH", "/v1/servers/web/s2", #"{"state": "drain"}"#)
    func ask(_ words: String...) throws -> Output {
      try run(
        "setpriv",
        ["--reuid", "nobody", "--regid", "nogroup", "--clear-groups", Place.gatehouse, "why"]
          + words
          + ["--socket", gate.socket])
    }
    let url = "https://www.test:\(gate.https)/a?b=1&c=2"
    let told = try ask("192.0.2.7", url)
    #expect(told.status == 0, "\(told)")
    #expect(told.standardOutput.contains("VERDICT  SERVED: goes to backend web, server s1\n"))
    #expect(told.standardOutput.contains("drain"))
    // As root is told, who reads the files, but for the kernel.
    let root = try gate.command("why", "192.0.2.7", url, "--socket", gate.socket)
    #expect(
      root.standardOutput.split(separator: "\n").last
        == told.standardOutput.split(separator: "\n").last)
    let posted = try ask("192.0.2.7", url, "--method", "CONNECT")
    #expect(posted.status == 1 && posted.standardOutput.contains("405 Method Not Allowed"))
    let wrong = try ask("192.0.2.7", "https://www.test:1/")
    #expect(wrong.status == 2 && wrong.standardError.contains("is bound to port 1"), "\(wrong)")
    let data = try ask("192.0.2.7", url, "--json")
    #expect(data.standardOutput.contains(#""verdict" : "served""#))
  }
}
