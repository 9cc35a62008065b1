import Foundation
import Glibc
import Testing

/// Certificates that change under a running process.
@Suite struct CertificateChangeTests {
  private func gate(workers: Int = 2, extra: String = "") throws -> Gate {
    try Gate(
      [.named("s1")], extra: extra,
      edit: { $0.replacing("workers: 1", with: "workers: \(workers)") })
  }

  /// `NAME.crt` and `NAME.key` for these names, written as other tools do: one file after another.
  private func write(
    _ name: String, for names: String, in gate: Gate, rsa: Bool = false, days: Int = 30,
    isExpired: Bool = false
  ) throws {
    let certs = gate.folder.url.appendingPathComponent("certs")
    let new = gate.folder.url.appendingPathComponent("new").path
    let kind =
      rsa ? ["-newkey", "rsa:2048"] : ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    let made = try run(
      "openssl",
      ["req", "-x509"] + kind + [
        "-nodes", "-days", "\(days)", "-subj", "/CN=\(name)", "-addext", "subjectAltName=\(names)",
        "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth",
        "-keyout", "\(new).key", "-out", "\(new).crt",
      ])
    guard made.status == 0 else { throw Gate.Failure(text: made.standardError) }
    if isExpired { try expire(new) }
    _ = unsafe chmod("\(new).key", 0o600)
    for ending in ["key", "crt"] {
      let target = certs.appendingPathComponent("\(name).\(ending)")
      try? FileManager.default.removeItem(at: target)
      try FileManager.default.copyItem(atPath: "\(new).\(ending)", toPath: target.path)
    }
  }

  /// The same certificate, ended yesterday.
  private func expire(_ path: String) throws {
    let made = try run(
      "sh",
      [
        "-c",
        "openssl x509 -x509toreq -copy_extensions copyall -in \(path).crt -signkey \(path).key -out \(path).csr"
          + " && openssl x509 -req -in \(path).csr -signkey \(path).key -copy_extensions copyall"
          + " -days -1 -out \(path).crt",
      ])
    guard made.status == 0 else { throw Gate.Failure(text: made.standardError) }
  }

  /// SHA-256 of what is served, as openssl tells it.
  private func served(_ gate: Gate, _ name: String, _ options: String...) throws -> String? {
    let shown = try run(
      "openssl",
      ["s_client", "-connect", "127.0.0.1:\(gate.https)", "-servername", name] + options,
      input: Data())
    guard shown.standardOutput.contains("BEGIN CERTIFICATE") else { return nil }
    return try run(
      "openssl", ["x509", "-noout", "-fingerprint", "-sha256"],
      input: Data(shown.standardOutput.utf8)
    ).standardOutput
  }

  private func fingerprint(_ gate: Gate, _ file: String) throws -> String {
    try run(
      "openssl",
      [
        "x509", "-noout", "-fingerprint", "-sha256", "-in",
        gate.folder.url.appendingPathComponent("certs/\(file)").path,
      ]
    ).standardOutput
  }

  private func waits(_ condition: () throws -> Bool) throws -> Bool {
    for _ in 0..<100 {
      if try condition() { return true }
      usleep(100_000)
    }
    return false
  }

  private struct Status: Decodable {
    struct Certificate: Decodable {
      let name, state: String
      let problems: [String]
    }
    let certificates: [Certificate]
  }

  private func status(_ gate: Gate) throws -> (code: Int32, [String: Status.Certificate]) {
    let told = try gate.command("status", "--json", "--socket", gate.socket)
    let status = try JSONDecoder().decode(Status.self, from: Data(told.standardOutput.utf8))
    return (
      told.status,
      Dictionary(status.certificates.map { ($0.name, $0) }, uniquingKeysWith: { one, _ in one })
    )
  }

  @Test func `a changed file is picked up by itself, in every worker`() throws {
    let gate = try gate()
    let before = try served(gate, "www.test")
    try write("site", for: "DNS:www.test,DNS:*.wild.test,IP:127.0.0.1", in: gate)
    let after = try fingerprint(gate, "site.crt")
    #expect(before != after)
    #expect(try waits { try served(gate, "www.test") == after })
    for _ in 0..<20 { #expect(try served(gate, "www.test") == after) }
    // A name with ".log" in it is watched, and a log that never rests holds nothing up.
    let noise = Process()
    noise.executableURL = URL(fileURLWithPath: "/bin/sh")
    let log = gate.folder.url.appendingPathComponent("certs/tool.log").path
    noise.arguments = ["-c", "while :; do echo x >> \(log); sleep 0.2; done"]
    try noise.run()
    defer { kill(noise.processIdentifier, SIGKILL) }
    try write("www.login", for: "DNS:login.test", in: gate)
    #expect(try waits { try served(gate, "login.test") != nil })
    try write("new", for: "DNS:new.test", in: gate)
    #expect(try waits { try served(gate, "new.test") != nil })
    #expect(try served(gate, "other.test") == nil)
    try FileManager.default.removeItem(
      at: gate.folder.url.appendingPathComponent("certs/new.crt"))
    #expect(try waits { try served(gate, "new.test") == nil })
    #expect(try status(gate).code == 0)
  }

  @Test func `a bad one stops no other, nor what is served, and is loud`() throws {
    let gate = try gate()
    let before = try served(gate, "www.test")
    let certs = gate.folder.url.appendingPathComponent("certs").path
    try "no certificate\n".write(toFile: "\(certs)/site.crt", atomically: true, encoding: .utf8)
    try write("new", for: "DNS:new.test", in: gate)
    #expect(try waits { try served(gate, "new.test") != nil })
    #expect(try served(gate, "www.test") == before)
    #expect(gate.waitForLog("certificate \"site\" of listener https was not taken over"))
    let (code, all) = try status(gate)
    #expect(code == 1)
    #expect(all["site"]?.state == "kept")
    #expect(all["site"]?.problems.first?.hasPrefix("parse: ") == true)
    #expect(all["new"]?.state == "ok")
    let metrics = try run(
      "curl", ["-sS", "--unix-socket", gate.socket, "http://gatehouse/metrics"]
    ).standardOutput
    #expect(
      metrics.contains(
        "gatehouse_cert_refused{listener=\"https\",name=\"site\",keytype=\"ecdsa-p256\"} 1\n"))
    #expect(metrics.contains("gatehouse_cert_life_left_ratio{listener=\"https\",name=\"new\""))
    #expect(
      try gate.command("status", "--socket", gate.socket).standardOutput
        .contains(
          /^DEGRADED since [0-9:]{5} – certificate site is not the newest: the one before goes on: parse:/
        ))
    // An apply keeps it, too.
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    #expect(try served(gate, "www.test") == before)
  }

  @Test func `starts with a bad one beside a good one, and says so`() throws {
    let folder = try TemporaryFolder()
    let gate = try Gate(
      [.named("s1")],
      edit: {
        _ = try? folder.write("certs/bad.pem", "-----BEGIN CERTIFICATE-----\nAA==\n")
        return $0.replacing("certificates: certs", with: "certificates: \(folder.url.path)/certs")
      })
    #expect(gate.log.contains("certificate \"bad\" of listener https is not served: parse: "))
    #expect(try status(gate).1["bad"]?.state == "refused")
    #expect(try gate.command("check", "-c", gate.path).status == 1)
  }

  @Test func `RSA and ECDSA stand side by side, each for who can check it`() throws {
    let gate = try gate()
    try write("site.rsa", for: "DNS:www.test", in: gate, rsa: true)
    let rsa = try fingerprint(gate, "site.rsa.crt")
    let ecdsa = try fingerprint(gate, "site.crt")
    #expect(
      try waits { try served(gate, "www.test", "-sigalgs", "rsa_pss_rsae_sha256") == rsa })
    #expect(try served(gate, "www.test", "-sigalgs", "ECDSA+SHA256") == ecdsa)
    #expect(
      try served(gate, "www.test", "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256") == rsa)
    #expect(try served(gate, "www.test") == ecdsa)
    // The other kind has a name less, and is not offered for it.
    #expect(try served(gate, "a.wild.test", "-sigalgs", "rsa_pss_rsae_sha256") == nil)
  }

  @Test func `a host that a route names keeps its certificate`() throws {
    let gate = try Gate(
      [.named("s1")],
      edit: { $0.replacing("- { backend: web }", with: "- { host: www.test, backend: web }") })
    let before = try served(gate, "www.test")
    try write("site", for: "DNS:elsewhere.test", in: gate)
    #expect(gate.waitForLog("names: www.test, which a route names, would be without"))
    #expect(try served(gate, "www.test") == before)
  }

  @Test func `an expired one takes nobody's place, and a routed host keeps its own`() throws {
    let gate = try Gate(
      [.named("s1")],
      edit: { $0.replacing("- { backend: web }", with: "- { host: www.test, backend: web }") })
    let before = try served(gate, "www.test")
    try write("aaa", for: "DNS:www.test", in: gate, isExpired: true)
    #expect(gate.waitForLog("certificate \"aaa\" of listener https is not served: validity"))
    #expect(try served(gate, "www.test") == before)
    try FileManager.default.removeItem(
      at: gate.folder.url.appendingPathComponent("certs/site.crt"))
    #expect(gate.waitForLog("certificate \"site\" of listener https was not taken over"))
    #expect(try served(gate, "www.test") == before)
  }

  @Test func `an older one needs to be asked for`() throws {
    let gate = try gate()
    let certs = gate.folder.url.appendingPathComponent("certs")
    let old = try ["site.crt", "site.key"].map {
      ($0, try Data(contentsOf: certs.appendingPathComponent($0)))
    }
    let first = try served(gate, "www.test")
    usleep(1_100_000)
    try write("site", for: "DNS:www.test", in: gate)
    #expect(try waits { try served(gate, "www.test") != first })
    for (name, bytes) in old { try bytes.write(to: certs.appendingPathComponent(name)) }
    #expect(gate.waitForLog("newest: it is older than the one that is served"))
    #expect(try served(gate, "www.test") != first)
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    #expect(try served(gate, "www.test") == first)
  }

  @Test func `ticket keys age: a session is resumed for two spans and no longer`() throws {
    let gate = try gate(extra: "timeouts: { ticket_key: 3s }")
    let session = gate.folder.url.appendingPathComponent("session").path
    let first = try TLSAttempt(gate, sni: "www.test", with: ["-sess_out", session])
    #expect(first.status == 200)
    // Whichever worker takes it.
    for _ in 0..<8 {
      #expect(try TLSAttempt(gate, sni: "www.test", with: ["-sess_in", session]).isReused)
    }
    #expect(
      try waits { try !TLSAttempt(gate, sni: "www.test", with: ["-sess_in", session]).isReused })
    let next = try TLSAttempt(gate, sni: "www.test", with: ["-sess_out", session])
    #expect(next.status == 200)
    #expect(try TLSAttempt(gate, sni: "www.test", with: ["-sess_in", session]).isReused)
  }
}
