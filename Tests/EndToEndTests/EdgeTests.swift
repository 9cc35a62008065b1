import Foundation
import Glibc
import Testing

/// What the whole is held to: the scanner's verdict, and the count of system calls.
@Suite struct EdgeTests {
  /// A chain and answers as a site in service has them, so that what is left is ours to answer for:
  /// an authority with a revocation list, and a server that sets the browser's security headers.
  private func scannedGate() throws -> (Gate, TemporaryFolder) {
    let site = try TemporaryFolder()
    func openssl(_ arguments: String...) throws {
      let made = try run("openssl", arguments)
      guard made.status == 0 else { throw Gate.Failure(text: made.standardError) }
    }
    let ca = site.url.appendingPathComponent("ca").path
    let leaf = site.url.appendingPathComponent("leaf").path
    try openssl(
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
      "90", "-subj", "/CN=Test authority", "-keyout", "\(ca).key", "-out", "\(ca).crt")
    try openssl(
      "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
      "/CN=localhost", "-keyout", "\(leaf).key", "-out", "\(leaf).csr")
    let extensions = try site.write(
      "ext",
      """
      subjectAltName=DNS:localhost,IP:127.0.0.1
      basicConstraints=critical,CA:FALSE
      extendedKeyUsage=serverAuth
      crlDistributionPoints=URI:http://crl.invalid/ca.crl
      """)
    try openssl(
      "x509", "-req", "-in", "\(leaf).csr", "-CA", "\(ca).crt", "-CAkey", "\(ca).key",
      "-CAcreateserial", "-days", "80", "-extfile", extensions, "-out", "\(leaf).crt")
    let origin = Origin { connection, _ in
      while connection.receive(until: "\r\n\r\n").hasSuffix("\r\n\r\n") {
        connection.send(
          "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-Frame-Options: DENY\r\n"
            + "X-Content-Type-Options: nosniff\r\nContent-Security-Policy: default-src 'self'\r\n\r\nok\n"
        )
      }
    }
    let certificates = site.url.appendingPathComponent("certs")
    try FileManager.default.createDirectory(at: certificates, withIntermediateDirectories: true)
    let pem = try ["\(leaf).crt", "\(ca).crt", "\(leaf).key"].reduce(into: Data()) {
      $0 += try Data(contentsOf: URL(fileURLWithPath: $1))
    }
    let file = certificates.appendingPathComponent("localhost.pem")
    try pem.write(to: file)
    _ = unsafe chmod(file.path, 0o600)
    let gate = try Gate(
      [origin],
      edit: {
        $0.replacing("certificates: certs", with: "certificates: \(certificates.path)")
          .replacing("- { backend: web }", with: "- { backend: web, hsts: 365d }")
      })
    return (gate, site)
  }

  private struct Finding: Decodable { let id, severity, finding: String }

  private func scan(_ gate: Gate, in site: TemporaryFolder) throws -> [Finding] {
    let report = site.url.appendingPathComponent("report-\(UUID()).json").path
    let scan = try run(
      "testssl",
      [
        "--quiet", "--warnings", "batch", "--color", "0", "--add-ca",
        site.url.appendingPathComponent("ca.crt").path, "--jsonfile", report,
        "https://localhost:\(gate.https)/",
      ], seconds: 600)
    let found = try JSONDecoder().decode(
      [Finding].self, from: try Data(contentsOf: URL(fileURLWithPath: report)))
    // A scan that broke off would find nothing, too.
    #expect(found.contains { $0.id == "TLS1_3" && $0.severity == "OK" }, "\(scan.standardOutput)")
    #expect(found.contains { $0.id == "overall_grade" || $0.id.hasPrefix("clientsimulation") })
    return found
  }

  @Test
  func `testssl_sh finds nothing of severity LOW or worse, and nothing that takes a grade from A`()
    throws
  {
    let (gate, site) = try scannedGate()
    // Its look at resumption races its own client's end against the ticket, and on a busy machine says
    // WARN, that it could not look; the test below looks. Its own openssl has no GOST: no matter.
    let harmless = ["sessionresumption_ticket", "engine_problem"]
    func couldNotLook(_ found: [Finding]) -> Bool {
      found.contains { $0.severity == "WARN" && !harmless.contains($0.id) }
    }
    var found = try scan(gate, in: site)
    for _ in 0..<2 where couldNotLook(found) { found = try scan(gate, in: site) }
    #expect(!couldNotLook(found))
    let bad = found.filter {
      // Who may issue for a name is said in the DNS, by no server.
      ["LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL"].contains($0.severity)
        && $0.id != "DNS_CAArecord"
    }
    #expect(bad.isEmpty, "\(bad.map { "\($0.severity) \($0.id): \($0.finding)" })")
    // Debian's scanner gives no grade yet. What SSL Labs' guide takes one down from A for, and asks
    // for A+, each by its own finding:
    let findings = Dictionary(found.map { ($0.id, $0.finding) }) { first, _ in first }
    for old in ["SSLv2", "SSLv3", "TLS1", "TLS1_1"] {
      #expect(findings[old]?.hasPrefix("not offered") == true, "\(old): \(findings[old] ?? "?")")
    }
    #expect(findings["TLS1_2"]?.hasPrefix("offered") == true)
    #expect(findings["PFS"]?.hasPrefix("offered") == true, "\(findings.keys.sorted())")
    #expect(findings["HSTS_time"]?.contains("365 days") == true)
  }

  @Test(arguments: ["-tls1_2", "-tls1_3"])
  func `a session is resumed`(_ version: String) throws {
    let gate = try Gate([.named("s1")])
    let session = gate.folder.url.appendingPathComponent("session").path
    func ask(_ more: String) throws -> String {
      try run(
        "openssl",
        [
          "s_client", "-connect", "127.0.0.1:\(gate.https)", "-servername", "www.test", version,
          "-ign_eof", more, session,
        ], input: Data("GET / HTTP/1.1\r\nHost: www.test\r\nConnection: close\r\n\r\n".utf8)
      ).standardOutput
    }
    #expect(try ask("-sess_out").contains("\nNew, TLSv1."))
    let again = try ask("-sess_in")
    #expect(again.contains("\nReused, TLSv1.") && again.contains("s1\n"))
    // A ticket of TLS 1.3 is used once: the next comes with it.
    #expect(
      version == "-tls1_2"
        || again.components(separatedBy: "Post-Handshake New Session Ticket").count == 2)
  }

  /// Two receives and two sends, and now and then a look at what is ready.
  @Test func `a request on a kept connection costs 4 system calls`() throws {
    let gate = try Gate([.named("s1"), .named("s2")])
    let requests = 200
    let socket = try RawSocket(port: gate.http)
    func ask() {
      socket.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      _ = socket.receive(until: "\n\r\n")
    }
    // Both servers have a kept connection before the count begins.
    for _ in 0..<4 { ask() }
    let trace = gate.folder.url.appendingPathComponent("trace").path
    let strace = Process()
    strace.executableURL = URL(fileURLWithPath: "/usr/bin/strace")
    strace.arguments = [
      "-f", "-qq", "-e", "trace=!epoll_wait,getpid", "-o", trace, "-p",
      "\(gate.process.processIdentifier)",
    ]
    try strace.run()
    defer {
      // The tests' threads block gentler signals, and their children inherit that.
      kill(strace.processIdentifier, SIGKILL)
      strace.waitUntilExit()
    }
    // The tracer is there once it has written down a request.
    #expect(
      wait {
        ask()
        return ((try? String(contentsOfFile: trace, encoding: .utf8)) ?? "").contains("sendto")
      })
    let before = try calls(in: trace)
    for _ in 0..<requests { ask() }
    #expect(try wait { try calls(in: trace).total >= before.total + 4 * requests })
    let after = try calls(in: trace)
    // A worker that has to wait long for its turn looks after itself meanwhile: 8 and 9 calls more were seen
    // on a machine with three times as many tests as processors.
    let others = after.total - before.total - 4 * requests
    #expect((0...requests / 10).contains(others), "\(others)")
    #expect(after.receives - before.receives == 2 * requests)
    #expect(after.sends - before.sends == 2 * requests)
  }

  private func calls(in trace: String) throws -> (total: Int, receives: Int, sends: Int) {
    let all = try String(contentsOfFile: trace, encoding: .utf8).split(separator: "\n")
    // Of the threads that serve: others look at folders and tell of the time meanwhile.
    func thread(_ line: Substring) -> Substring { line.prefix { $0 != " " } }
    let serving = Set(all.filter { $0.contains("recvfrom(") }.map(thread))
    // A call that another thread's came between is written down in two lines.
    let lines = all.filter { serving.contains(thread($0)) && !$0.contains(" resumed>") }
    return (
      lines.count, lines.filter { $0.contains("recvfrom(") }.count,
      lines.filter { $0.contains("sendto(") }.count
    )
  }

  @Test func `makes and rotates a development certificate that clients trust`() throws {
    let folder = try TemporaryFolder()
    let certs = folder.url.appendingPathComponent("certs").path
    let made = try run(Place.gatehouse, ["cert", "dev", "www.test", "127.0.0.1", "--dir", certs])
    #expect(made.status == 0)
    let gate = try Gate(
      [.named("s1")],
      edit: {
        $0.replacing("certificates: certs", with: "certificates: \(certs)")
      })
    func serial() throws -> String {
      let shown = try run(
        "openssl",
        ["s_client", "-connect", "127.0.0.1:\(gate.https)", "-servername", "www.test"],
        input: Data())
      return try run(
        "openssl", ["x509", "-noout", "-serial"], input: Data(shown.standardOutput.utf8)
      ).standardOutput
    }
    let authority = "\(certs)/.authority/ca.pem"
    let trusted = try run(
      "curl", ["-sS", "--cacert", authority, "https://127.0.0.1:\(gate.https)/"])
    #expect(trusted.standardOutput == "s1\n")
    let first = try serial()
    #expect(try run(Place.gatehouse, ["cert", "rotate", "www.test", "--dir", certs]).status == 0)
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    #expect(try serial() != first && !first.isEmpty)
    let listed = try run(Place.gatehouse, ["cert", "list", "--dir", certs, "--json"])
    #expect(listed.standardOutput.contains("v0002"))
  }
}
