import Foundation
import Glibc
import Testing

/// Other users of the machine at the admin socket; only root can become them.
@Suite(.enabled(if: getuid() == 0, "needs root: becomes other users")) struct AdminRoleTests {
  private func gate(_ admin: String) throws -> Gate {
    try Gate(
      [.named("s1"), .named("s2")],
      edit: {
        $0.replacing("admin: { socket: admin.sock }", with: "admin: { socket: admin.sock\(admin) }")
      })
  }

  private func audit(_ gate: Gate) throws -> [[String: Any]] {
    let file = gate.folder.url.appendingPathComponent("state/audit.log")
    return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  @Test func `without a group nobody else opens the socket`() throws {
    let gate = try gate("")
    #expect(try gate.admin("GET", "/v1/servers", as: "nobody").status == 0)
    #expect(try gate.admin("GET", "/v1/servers").status == 200)
    var status = stat()
    #expect(unsafe lstat(gate.socket, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o660)
  }

  @Test func `each role may do what is its own, and a refusal says which is needed`() throws {
    let gate = try gate(", group: nogroup, roles: { operator: [daemon], admin: [\"user:bin\"] }")
    struct Attempt {
      let user, method, path, body: String
      let status: Int
    }
    let server = "/v1/servers/web/s1"
    for attempt in [
      Attempt(user: "nobody", method: "GET", path: server, body: "", status: 200),
      Attempt(user: "nobody", method: "GET", path: "/v1/status", body: "", status: 200),
      Attempt(
        user: "nobody", method: "PATCH", path: server, body: #"{"weight": 5}"#, status: 403),
      Attempt(user: "nobody", method: "PUT", path: server, body: #"{"weight": 5}"#, status: 403),
      Attempt(user: "nobody", method: "POST", path: "/v1/apply", body: "", status: 403),
      Attempt(user: "nobody", method: "DELETE", path: "/v1/overrides", body: "", status: 403),
      Attempt(user: "daemon", method: "PATCH", path: server, body: #"{"weight": 5}"#, status: 200),
      Attempt(
        user: "daemon", method: "PUT", path: "/v1/bans/192.0.2.1", body: #"{"seconds": 1}"#,
        status: 200),
      Attempt(user: "daemon", method: "POST", path: "/v1/apply", body: "", status: 403),
      Attempt(
        user: "daemon", method: "POST", path: "/v1/servers/web/s9",
        body: #"{"address": "127.0.0.1:1"}"#, status: 403),
      Attempt(user: "daemon", method: "DELETE", path: server, body: "", status: 403),
      Attempt(user: "daemon", method: "PUT", path: "/v1/challenges/x", body: "{}", status: 403),
      Attempt(user: "bin", method: "POST", path: "/v1/apply", body: "", status: 200),
      Attempt(user: "bin", method: "DELETE", path: "/v1/servers/web/s2", body: "", status: 200),
      // Servers come with it.
      Attempt(user: "daemon", method: "DELETE", path: "/v1/overrides", body: "", status: 403),
      Attempt(
        user: "daemon", method: "DELETE", path: "/v1/overrides/web/s1/weight", body: "",
        status: 200),
    ] {
      let answer = try gate.admin(
        attempt.method, attempt.path, attempt.body.isEmpty ? nil : attempt.body, as: attempt.user)
      #expect(answer.status == attempt.status, "\(attempt): \(answer.body)")
      if attempt.status == 403, attempt.path != "/v1/overrides" {
        #expect(answer.body.contains("needs the role"), "\(answer.body)")
      }
    }
    let refused = try audit(gate).filter { ($0["outcome"] as? String)?.hasPrefix("403") == true }
    #expect(refused.count == 9)
    #expect(refused.first?["user"] as? String == "nobody" && refused.first?["uid"] as? Int == 65534)
  }

  @Test func `the log says who did what, and cannot be forged by a reason`() throws {
    let gate = try gate(", group: nogroup, roles: { operator: [daemon] }")
    let body = #"{"weight": 5, "reason": "a\nb\u001b[31m\u007f\u202e\"}"}"#
    #expect(try gate.admin("PATCH", "/v1/servers/web/s1", body, as: "daemon").status == 200)
    let bytes = try Data(
      contentsOf: gate.folder.url.appendingPathComponent("state/audit.log"))
    #expect(bytes.count { $0 < 0x20 && $0 != 0x0a || $0 >= 0x7f } == 0)
    let entries = try audit(gate)
    #expect(entries.count == 1)
    let entry = try #require(entries.first)
    #expect(entry["user"] as? String == "daemon" && entry["role"] as? String == "operator")
    #expect(entry["action"] as? String == "set" && entry["subject"] as? String == "web/s1")
    #expect((entry["before"] as? String)?.hasPrefix("weight 1, ready") == true)
    #expect((entry["after"] as? String)?.hasPrefix("weight 5, ready") == true)
    #expect(entry["outcome"] as? String == "done")
    let table = try gate.command("audit", "--socket", gate.socket)
    #expect(table.standardOutput.contains("daemon (1, pid "))
    #expect(table.standardOutput.split(separator: "\n").count == 2)
    // Who set it is the user that the kernel saw.
    let list = try gate.command("overrides", "list", "--socket", gate.socket)
    #expect(list.standardOutput.contains("  daemon  "))
  }

  @Test func `If-Match refuses what was decided on something old`() throws {
    let gate = try gate("")
    let first = try gate.admin("GET", "/v1/servers/web/s1")
    #expect(first.tag.hasPrefix("\""))
    func set(_ weight: Int, _ tag: String) throws -> Int {
      try gate.admin(
        "PATCH", "/v1/servers/web/s1", "{\"weight\": \(weight)}", headers: ["If-Match: \(tag)"]
      ).status
    }
    #expect(try set(5, first.tag) == 200)
    #expect(try set(6, first.tag) == 412)
    #expect(try set(6, "W/" + first.tag) == 412)
    #expect(try set(6, "*") == 200)
    let now = try gate.admin("GET", "/v1/overrides").tag
    #expect(try set(7, "\"x\", \(now)") == 200)
    #expect(try gate.admin("GET", "/v1/servers/web/s1").body.contains(#""weight" : 7"#))
    // A file that changes is something new, too.
    let before = try gate.admin("GET", "/v1/overrides").tag
    try gate.rewrite {
      $0.replacing(/(s2: \{ address: "[^"]*")/) { "\($0.output.1), weight: 5" }
    }
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    #expect(try set(8, before) == 412)
  }

  @Test func `an apply by signal is in the log, too`() throws {
    let gate = try gate("")
    gate.signal(SIGHUP)
    #expect(gate.waitForLog("generation 2"))
    #expect(
      try gate.waits {
        try gate.command("audit", "--socket", gate.socket).standardOutput.contains("generation 2")
      })
    let entry = try #require(try audit(gate).first)
    #expect(entry["user"] as? String == "SIGHUP" && entry["before"] as? String == "generation 1")
  }

  /// Whatever is sent, the answer is a refusal, and everything goes on.
  @Test(arguments: [
    ("PATCH", "/v1/servers/web/s1", #"{"weight": 99999999999999999999}"#, 400),
    ("PATCH", "/v1/servers/web/s1", #"{"weight": null}"#, 400),
    ("PATCH", "/v1/servers/web/s1", #"{"state": "gone"}"#, 400),
    ("PATCH", "/v1/servers/web/s1", #"{"state": "drain", "seconds": 0}"#, 400),
    ("PATCH", "/v1/servers/web/s1", #"{"state": "drain", "seconds": -1}"#, 400),
    ("PATCH", "/v1/servers/web/s1", #"{"state": "drain", "seconds": 18446744073709551615}"#, 400),
    ("PATCH", "/v1/servers/web/s1", "{}", 400), ("PATCH", "/v1/servers/web/s1", "[]", 400),
    ("PATCH", "/v1/servers/web/s1", "\u{1}\u{2}", 400),
    ("PATCH", "/v1/servers/web/%00%1b%5b", #"{"weight": 1}"#, 400),
    ("PATCH", "/v1/servers/%2e%2e/s1", #"{"weight": 1}"#, 400),
    ("POST", "/v1/servers/web/a%20b", #"{"address": "127.0.0.1:1"}"#, 400),
    ("POST", "/v1/servers/web/%2e%2e", #"{"address": "127.0.0.1:1"}"#, 400),
    ("POST", "/v1/servers/web/s9", #"{"address": "127.0.0.1:0"}"#, 400),
    ("POST", "/v1/servers/web/s9", #"{"address": "unix:/x"}"#, 400),
    ("POST", "/v1/servers/web/s9", #"{"address": "127.0.0.1:1", "weight": -1}"#, 400),
    ("POST", "/v1/servers/gone/s9", #"{"address": "127.0.0.1:1"}"#, 404),
    ("DELETE", "/v1/overrides/web/s1/nothing", "", 404),
    ("DELETE", "/v1/overrides/web/s1", "", 404),
    ("POST", "/v1/backends/gone/failback", "", 404), ("PUT", "/v1/servers", "", 404),
  ]) func `nonsense is refused`(_ method: String, _ path: String, _ body: String, _ status: Int)
    throws
  {
    let gate = try gate("")
    let answer = try gate.admin(method, path, body.isEmpty ? nil : body)
    #expect(answer.status == status, "\(answer.body)")
    #expect(try gate.admin("GET", "/v1/overrides").body.contains(#""overrides" : [\#n\#n"#))
  }

  @Test func `a group or user that the machine does not have is told by check`() throws {
    let gate = try gate("")
    try gate.rewrite {
      $0.replacing(
        "admin.sock }", with: "admin.sock, group: no-such-group, roles: { viewer: [no-such] } }")
    }
    let output = try gate.command("check", "-c", gate.path)
    #expect(output.status == 2)
    #expect((output.standardOutput + output.standardError).contains("no group \"no-such-group\""))
    #expect((output.standardOutput + output.standardError).contains("no user or group \"no-such\""))
  }
}
