import Foundation
import Glibc
import Testing

/// Certificates that a running process fetches from a real authority, through its own listeners.
@Suite struct FetchedCertificateTests {
  private let authority: Authority
  private let ports = (https: RawSocket.quietPort(), http: RawSocket.quietPort())

  init() throws { authority = try Authority(httpPort: ports.http, tlsPort: ports.https) }

  /// Everything closed to the authority that can be: HTTP only redirects, and the policy lets in
  /// nobody but 127.0.0.9.
  private func gate(_ certificates: String, others: String = "") throws -> Gate {
    try Gate(
      [.named("s1")], redirects: true,
      extra: """
        acme:
          authorities: { \(others)pebble: \(authority.yaml) }
          certificates: { \(certificates) }
        """,
      policy: { _ in
        """
        version: 1
        management: { from: [127.0.0.7], to: [tcp/22] }
        services:
          web: { listen: [tcp/\(ports.https)], allow: [127.0.0.9] }
          http: { listen: [tcp/\(ports.http)], allow: [127.0.0.9] }
        """
      }, ports: ports)
  }

  /// Issuer and SHA-256 of what is served to a friend.
  private func served(_ gate: Gate, _ name: String, _ options: String...) throws -> String? {
    let shown = try run(
      "openssl",
      [
        "s_client", "-connect", "127.0.0.1:\(gate.https)", "-bind", "127.0.0.9", "-servername",
        name,
      ] + options, input: Data())
    guard shown.standardOutput.contains("BEGIN CERTIFICATE") else { return nil }
    return try run(
      "openssl", ["x509", "-noout", "-issuer", "-fingerprint", "-sha256"],
      input: Data(shown.standardOutput.utf8)
    ).standardOutput
  }

  private func waits(_ condition: () throws -> Bool) throws -> Bool {
    for _ in 0..<300 {
      if try condition() { return true }
      usleep(100_000)
    }
    return false
  }

  @Test(arguments: ["http-01", "tls-alpn-01"])
  func `a certificate comes by itself, through a redirect and a closed policy`(
    _ challenge: String
  ) throws {
    let gate = try gate("shop.test: { challenge: \(challenge) }")
    #expect(
      try waits { try served(gate, "shop.test")?.contains("Pebble Intermediate") == true },
      "\(gate.log)")
    // The authority was let through to its challenge, and to nothing else, then or now.
    let answer = try run(
      "curl", ["-sS", "--max-time", "5", "http://127.0.0.1:\(gate.http)/", "-o", "/dev/null"])
    #expect(answer.status != 0)
    let told = try gate.command("status", "--socket", gate.socket)
    #expect(told.standardOutput.contains("shop.test"))
    let rows = told.standardOutput.split(separator: "\n")
    #expect(
      rows.contains { $0.hasPrefix("shop.test") && $0.contains("pebble") && $0.hasSuffix("ok") })
    let metrics = try run(
      "curl", ["-sS", "--unix-socket", gate.socket, "http://gatehouse/metrics"]
    ).standardOutput
    #expect(metrics.contains("gatehouse_cert_renewal_failures{name=\"shop.test\"} 0\n"))
  }

  @Test func `it is renewed, rotated, revoked and issued by hand through the running process`()
    throws
  {
    let gate = try gate("shop.test: { keys: [ecdsa-p256, rsa-2048] }")
    #expect(
      try waits { try served(gate, "shop.test", "-sigalgs", "rsa_pss_rsae_sha256") != nil },
      "\(gate.log)")
    let first = try served(gate, "shop.test", "-sigalgs", "ECDSA+SHA256")
    #expect(first?.contains("Pebble Intermediate") == true)
    let idle = try gate.command("cert", "renew", "-c", gate.path)
    #expect(idle.status == 0 && idle.standardOutput.hasPrefix("nothing is due"), "\(idle)")
    let forced = try gate.command("cert", "renew", "shop.test", "--force", "-c", gate.path)
    #expect(forced.status == 0, "\(forced)")
    #expect(forced.standardOutput.components(separatedBy: "served by 1/1 workers").count == 3)
    let second = try served(gate, "shop.test", "-sigalgs", "ECDSA+SHA256")
    #expect(second != nil && second != first)
    let rotated = try gate.command("cert", "rotate", "shop.test", "-c", gate.path)
    #expect(rotated.status == 0, "\(rotated)")
    #expect(try served(gate, "shop.test", "-sigalgs", "ECDSA+SHA256") != second)
    let revoked = try gate.command(
      "cert", "revoke", "shop.test", "--version", "v0002", "-c", gate.path)
    #expect(
      revoked.status == 0 && revoked.standardOutput.contains("its authority has revoked it"),
      "\(revoked)")
    let issued = try gate.command(
      "cert", "issue", "new.test", "--san", "new.test", "--san", "www.new.test", "-c", gate.path)
    #expect(issued.status == 0, "\(issued)")
    #expect(try served(gate, "www.new.test")?.contains("Pebble Intermediate") == true)
  }

  @Test func `a dead authority is told, the next one is asked, and what serves goes on`() throws {
    let dead = "dead: { directory: \"https://127.0.0.1:1/dir\", ca: site.crt }, "
    let gate = try gate("shop.test: {}", others: dead)
    #expect(
      try waits { try served(gate, "shop.test")?.contains("Pebble Intermediate") == true },
      "\(gate.log)")
    #expect(gate.log.contains("shop.test: not from dead: "))
    let before = try served(gate, "shop.test")
    authority.stop()
    let failed = try gate.command("cert", "renew", "shop.test", "--force", "-c", gate.path)
    #expect(failed.status == 2)
    #expect(failed.standardError.contains("not from pebble: "))
    #expect(try served(gate, "shop.test") == before)
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    #expect(
      try waits {
        try gate.command("status", "--socket", gate.socket).standardOutput
          .contains("FAILED 1 times")
      })
  }
}
