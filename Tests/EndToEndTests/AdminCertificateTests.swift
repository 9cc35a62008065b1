import Foundation
import Testing

/// The door over TLS: roles by certificates, certificates of its own, and what an apply changes.
@Suite struct AdminCertificateTests {
  private func clientOptions(_ authority: ClientAuthority, _ name: String) -> [String] {
    ["--cert", authority.path("\(name).pem"), "--key", authority.path("\(name).key")]
  }

  @Test func `a certificate has the highest role of its names, and one without any is refused`()
    throws
  {
    let authority = try ClientAuthority()
    try authority.issue("alice", names: "email:alice@example.com")
    try authority.issue("bob", names: "DNS:bob.staff.test")
    try authority.issue("both", names: "DNS:x.staff.test,URI:spiffe://test/ops")
    try authority.issue("mallory", names: "DNS:mallory.test")
    // A common name counts for nothing beside other names.
    try authority.issue("alice@example.com", names: "DNS:eve.test")
    let stranger = try ClientAuthority("strangers")
    try stranger.issue("alice", names: "email:alice@example.com")
    let door = try Door(
      tls: true,
      listen: ", client_auth: { ca: \(authority.certificate), viewer: [\"*.staff.test\"], "
        + "operator: \"spiffe://test/ops\", admin: alice@example.com }", roles: [])
    func status(_ name: String?, _ method: String, _ path: String, _ body: String? = nil) throws
      -> Int
    {
      let options = name.map { clientOptions(authority, $0) } ?? []
      return try door.ask(method, path, body: body, with: options).status
    }
    let server = "/v1/servers/web/s1"
    #expect(try status("bob", "GET", "/v1/status") == 200)
    #expect(try status("bob", "PATCH", server, #"{"weight": 5}"#) == 403)
    #expect(try status("both", "PATCH", server, #"{"weight": 5}"#) == 200)
    #expect(try status("both", "POST", "/v1/apply") == 403)
    #expect(try status("alice", "POST", "/v1/apply") == 200)
    // No handshake at all.
    for name in ["mallory", "alice@example.com", nil] {
      #expect(try status(name, "GET", "/v1/status") == 0, "\(name ?? "nobody")")
    }
    let foreign = try door.ask("GET", "/v1/status", with: clientOptions(stranger, "alice"))
    #expect(foreign.status == 0)
    // A browser sends it along with whatever another site asks for.
    let forged = try door.ask(
      "POST", "/v1/apply", headers: ["Origin: https://evil.test"],
      with: clientOptions(authority, "alice"))
    #expect(forged.status == 403)
    let users = try door.audit().compactMap { $0["user"] as? String }
    #expect(users.contains("certificate alice@example.com"))
  }

  @Test func `beside tokens a certificate is asked for, and not needed`() throws {
    let authority = try ClientAuthority()
    try authority.issue("bob", names: "DNS:bob.staff.test")
    let door = try Door(
      tls: true,
      listen: ", client_auth: { ca: \(authority.certificate), viewer: \"*.staff.test\" }")
    #expect(try door.ask("GET", "/").status == 200)
    #expect(try door.ask("GET", "/v1/status").status == 401)
    #expect(try door.ask("POST", "/v1/apply", as: "admin").status == 200)
    let bob = try door.ask("GET", "/v1/session", with: clientOptions(authority, "bob"))
    #expect(bob.body.contains("certificate bob.staff.test"), "\(bob)")
  }

  @Test func `a changed certificate is served without an apply`() throws {
    let door = try Door(tls: true)
    #expect(try door.ask("GET", "/").status == 200)
    try Gate.makeCertificate(in: try replaced(door))
    // curl trusts the new one only.
    let isServed = try door.gate.waits { try door.ask("GET", "/").status == 200 }
    #expect(isServed)
  }

  /// The gate's folder, without the certificate that was there.
  private func replaced(_ door: Door) throws -> TemporaryFolder {
    for name in ["certs/site.crt", "certs/site.key"] {
      try FileManager.default.removeItem(at: door.gate.folder.url.appendingPathComponent(name))
    }
    return door.gate.folder
  }

  @Test func `an apply opens the door, moves it and closes it, or changes nothing`() throws {
    let door = try Door()
    let taken = RawSocket.listen()
    defer { close(taken.number) }
    let old = "127.0.0.1:\(door.port)"
    func apply(_ from: String, _ to: String) throws -> Int32 {
      try door.gate.rewrite { $0.replacing(from, with: to) }
      return try door.gate.command("apply", "--socket", door.gate.socket).status
    }
    #expect(try apply(old, "127.0.0.1:\(taken.port)") == 2)
    #expect(door.gate.log.contains("can't listen on 127.0.0.1:\(taken.port)"))
    #expect(try door.ask("GET", "/v1/status", as: "viewer").status == 200)
    let next = RawSocket.quietPort()
    #expect(try apply("127.0.0.1:\(taken.port)", "127.0.0.1:\(next)") == 0)
    let moved = try run(
      "curl", ["-s", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:\(next)/"])
    #expect(moved.standardOutput == "200")
    #expect(door.gate.waits { (try? RawSocket(port: door.port)) == nil })
    try door.gate.rewrite {
      $0.replacing(/, listen: \{.*\}(?= \})/) { _ in "" }
    }
    #expect(try door.gate.command("apply", "--socket", door.gate.socket).status == 0)
    #expect(door.gate.waits { (try? RawSocket(port: next)) == nil })
    #expect(try door.gate.admin("GET", "/v1/status").status == 200)
  }
}
