import Foundation
import Glibc
import Testing

/// Who must show a certificate of his own, and every way around it that others left open.
@Suite struct ClientCertificateTests {
  private let authority: ClientAuthority

  init() throws { authority = try ClientAuthority() }

  /// `open.wild.test` asks nobody, `www.test` as the terms say; one certificate serves both.
  private func gate(_ terms: String, hosts: String = "", extra: String = "") throws -> Gate {
    try Gate(
      [Self.origin()], extra: extra,
      edit: {
        $0.replacing(
          "certificates: certs }",
          with: "certificates: certs, tls: { tickets: 1, hosts: "
            + "{ www.test: { client_auth: \(terms) }\(hosts) } } }")
      })
  }

  /// Says whether it was told of a client's certificate; a claim of the client's own is neither.
  private static func origin() -> Origin {
    Origin { connection, _ in
      while true {
        let head = connection.receive(until: "\r\n\r\n")
        guard head.hasSuffix("\r\n\r\n") else { return }
        let told = head.lowercased().split(separator: "\r\n").filter {
          $0.hasPrefix("client-cert")
        }
        let isOurs = told.count == 1 && told[0].hasPrefix("client-cert: :mii")
        let text = "client-cert: \(told.isEmpty ? "no" : isOurs ? "yes" : "claimed")\n"
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
      }
    }
  }

  private var required: String { "{ ca: \(authority.certificate) }" }

  private func shown(_ client: String) -> [String] {
    ["-cert", authority.path("\(client).pem"), "-key", authority.path("\(client).key")]
  }

  @Test(arguments: ["-tls1_2", "-tls1_3"], [[], ["-no_ticket"]])
  func `no open host's session resumes where a certificate is wanted`(
    _ version: String, _ tickets: [String]
  ) throws {
    let gate = try gate(required)
    let session = gate.folder.url.appendingPathComponent("session").path
    let options = [version] + tickets
    let first = try TLSAttempt(
      gate, sni: "open.wild.test", with: options + ["-sess_out", session])
    #expect(first.status == 200 && first.isNew)
    // With a ticket it does resume where it was begun, so the attack below is one.
    if tickets.isEmpty {
      let again = try TLSAttempt(
        gate, sni: "open.wild.test", with: options + ["-sess_in", session])
      #expect(again.isReused && again.status == 200)
    }
    // Without tickets TLS 1.2 would resume from a cache, which there is none of: no session at all.
    let isKept = FileManager.default.fileExists(atPath: session)
    #expect(isKept || (version == "-tls1_2" && !tickets.isEmpty))
    let resuming = options + (isKept ? ["-sess_in", session] : [])
    for name in ["www.test", "WWW.test", "wWw.TEST."] {
      let attack = try TLSAttempt(gate, sni: name, with: resuming)
      #expect(!attack.isReused && attack.status == nil, "\(name): \(attack.output)")
      // Nor by the host alone.
      let fronted = try TLSAttempt(
        gate, sni: "open.wild.test", host: name, with: resuming)
      #expect(fronted.status == 421)
    }
  }

  @Test(arguments: ["-tls1_2", "-tls1_3"])
  func `who shows a certificate resumes, and his session is good nowhere else`(
    _ version: String
  ) throws {
    try authority.issue("alice")
    let gate = try gate(required, hosts: ", \"*.wild.test\": { client_auth: none }")
    let session = gate.folder.url.appendingPathComponent("session").path
    let first = try TLSAttempt(
      gate, sni: "www.test", with: shown("alice") + [version, "-sess_out", session])
    #expect(first.status == 200)
    let again = try TLSAttempt(gate, sni: "www.test", with: [version, "-sess_in", session])
    #expect(again.isReused && again.status == 200)
    #expect(again.output.contains("client-cert: yes"))
    let other = try TLSAttempt(gate, sni: "open.wild.test", with: [version, "-sess_in", session])
    #expect(!other.isReused && other.status == 200)
    #expect(
      try TLSAttempt(gate, sni: "www.test", host: "a.wild.test", with: shown("alice")).status == 421
    )
    #expect(try TLSAttempt(gate, sni: nil, host: "www.test", with: shown("alice")).status == 421)
  }

  @Test func `lets in who the authority knows, has not revoked, and is named`() throws {
    try authority.issue("alice", names: "email:alice@example.com")
    try authority.issue("host", names: "DNS:a.staff.test")
    try authority.issue("deep", names: "DNS:b.a.staff.test")
    try authority.issue("bob", names: "email:alice@example.com")
    try authority.issue("eve", names: "email:eve@example.com")
    try authority.revoke("bob")
    let stranger = try ClientAuthority()
    try stranger.issue("alice", names: "email:alice@example.com")
    let gate = try gate(
      "{ ca: \(authority.certificate), crl: \(authority.list), "
        + "allow: [alice@Example.com, \"*.staff.test\"] }")
    for version in ["-tls1_2", "-tls1_3"] {
      func status(_ options: [String]) throws -> Int? {
        try TLSAttempt(gate, sni: "www.test", with: options + [version]).status
      }
      #expect(try status(shown("alice")) == 200)
      #expect(try status(shown("host")) == 200)
      #expect(try status([]) == nil)
      #expect(try status(shown("bob")) == nil)
      #expect(try status(shown("eve")) == nil)
      #expect(try status(shown("deep")) == nil)
      #expect(
        try status([
          "-cert", stranger.path("alice.pem"), "-key", stranger.path("alice.key"),
        ]) == nil)
    }
  }

  @Test func `a name of one kind lets in nobody by another`() throws {
    // As openssl takes them; a name of one kind in the spelling of another is the attack.
    let clients: [(name: String, alternative: String?, isIn: Bool)] = [
      ("mail", "email:alice@example.com", true), ("mailcase", "email:Alice@example.com", false),
      ("mailasuri", "URI:alice@example.com", false), ("mailasdns", "DNS:alice@example.com", false),
      ("spiffe", "URI:spiffe://example.com/web", true),
      ("spiffecase", "URI:spiffe://example.com/WEB", false),
      ("spiffelong", "URI:spiffe://example.com/web/admin", false),
      ("urihost", "URI:https://a.staff.test", false), ("host", "DNS:A.staff.TEST", true),
      ("wild", "DNS:*.staff.test", false), ("mailhost", "email:a.staff.test", false),
      ("Door sensor 7", nil, true), ("door sensor 7", nil, false),
      ("Door sensor 7x", "DNS:other.test", false),
    ]
    for client in clients { try authority.issue(client.name, names: client.alternative) }
    // Its common name is allowed, and its alternative names say otherwise.
    try authority.issue("Door sensor 8", names: "IP:10.0.0.1")
    let gate = try gate(
      "{ ca: \(authority.certificate), allow: [alice@example.com, \"spiffe://example.com/web\", "
        + "\"*.staff.test\", Door sensor 7, Door sensor 8] }")
    for client in clients + [("Door sensor 8", nil, false)] {
      let attempt = try TLSAttempt(gate, sni: "www.test", with: shown(client.name))
      #expect(attempt.status == (client.isIn ? 200 : nil), "\(client)")
    }
  }

  @Test func `servers are told who it is, and by nobody else`() throws {
    try authority.issue("alice")
    let gate = try gate("{ mode: request, ca: \(authority.certificate) }")
    let claim = "Client-Cert: :bm90IGEgY2VydA==:\r\nClient-Cert-Chain: :bm90IGEgY2VydA==:"
    let alone = try TLSAttempt(gate, sni: "www.test", header: claim)
    #expect(alone.status == 200 && alone.output.contains("client-cert: no"))
    let alice = try TLSAttempt(gate, sni: "www.test", with: shown("alice"), header: claim)
    #expect(alice.status == 200 && alice.output.contains("client-cert: yes"))
    let open = try TLSAttempt(gate, sni: "open.wild.test", header: claim)
    #expect(open.output.contains("client-cert: no"))
    let stranger = try ClientAuthority()
    try stranger.issue("alice")
    let bad = try TLSAttempt(
      gate, sni: "www.test",
      with: ["-cert", stranger.path("alice.pem"), "-key", stranger.path("alice.key")])
    #expect(bad.status == nil)
  }

  @Test func `stricter terms hold for tickets and connections of before`() throws {
    let gate = try gate("none")
    let session = gate.folder.url.appendingPathComponent("session").path
    #expect(try TLSAttempt(gate, sni: "www.test", with: ["-sess_out", session]).status == 200)
    #expect(try TLSAttempt(gate, sni: "www.test", with: ["-sess_in", session]).isReused)
    let script = try gate.folder.write("kept.py", Self.keptConnection)
    let kept = Process()
    kept.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let go = gate.folder.url.appendingPathComponent("go").path
    kept.arguments = ["python3", script, "\(gate.https)", go]
    let output = Pipe()
    kept.standardOutput = output
    try kept.run()
    var first = Data()
    while !first.contains(0x0a) {
      let piece = output.fileHandleForReading.availableData
      guard !piece.isEmpty else { break }
      first += piece
    }
    #expect(first == Data("200\n".utf8))
    let text = try String(contentsOfFile: gate.path, encoding: .utf8)
    try text.replacing("client_auth: none", with: "client_auth: \(required)")
      .write(toFile: gate.path, atomically: true, encoding: .utf8)
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    _ = try gate.folder.write("go", "")
    // An idle connection ends, so that its client comes again under the new terms.
    #expect(output.fileHandleForReading.readDataToEndOfFile() == Data("ended\n".utf8))
    kept.waitUntilExit()
    let old = try TLSAttempt(gate, sni: "www.test", with: ["-sess_in", session])
    #expect(!old.isReused && old.status == nil)
  }

  @Test(arguments: ["-tls1_2", "-tls1_3"])
  func `a list that has run out lets nobody in, not even by a session of before`(
    _ version: String
  ) throws {
    try authority.issue("alice")
    try authority.makeList(seconds: 12)
    let gate = try gate("{ ca: \(authority.certificate), crl: \(authority.list) }")
    let session = gate.folder.url.appendingPathComponent("session").path
    let resuming = [version, "-sess_in", session]
    let first = try TLSAttempt(
      gate, sni: "www.test", with: shown("alice") + [version, "-sess_out", session])
    #expect(first.status == 200)
    #expect(try TLSAttempt(gate, sni: "www.test", with: resuming).isReused)
    var told = try gate.command("status", "--socket", gate.socket)
    for _ in 0..<300 where !told.standardOutput.contains("has run out") {
      usleep(100_000)
      told = try gate.command("status", "--socket", gate.socket)
    }
    #expect(told.status == 1 && told.standardOutput.contains("has run out"))
    for options in [resuming, shown("alice") + resuming, shown("alice") + [version]] {
      let late = try TLSAttempt(gate, sni: "www.test", with: options)
      #expect(!late.isReused && late.status == nil)
    }
  }

  @Test func `a listener of another name leaves no connection of before behind`() throws {
    let gate = try gate("none")
    let script = try gate.folder.write("kept.py", Self.keptConnection)
    let kept = Process()
    kept.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let output = Pipe()
    kept.standardOutput = output
    kept.arguments = [
      "python3", script, "\(gate.https)", gate.folder.url.appendingPathComponent("go").path,
    ]
    try kept.run()
    var first = Data()
    while !first.contains(0x0a) {
      let piece = output.fileHandleForReading.availableData
      guard !piece.isEmpty else { break }
      first += piece
    }
    let text = try String(contentsOfFile: gate.path, encoding: .utf8)
    try text.replacing("client_auth: none", with: "client_auth: \(required)")
      .replacing("https: { bind", with: "other: { bind")
      .write(toFile: gate.path, atomically: true, encoding: .utf8)
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    _ = try gate.folder.write("go", "")
    let answer = output.fileHandleForReading.readDataToEndOfFile()
    kept.waitUntilExit()
    #expect(["421\n", "ended\n"].contains(String(decoding: answer, as: UTF8.self)))
  }

  @Test func `clients that shake hands and leave hold nothing up`() throws {
    let gate = try gate("none")
    let script = """
      import socket, ssl, sys
      context = ssl.create_default_context()
      context.check_hostname = False
      context.verify_mode = ssl.CERT_NONE
      for _ in range(60):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="www.test")
        raw = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
        while True:
          try:
            tls.do_handshake()
            break
          except ssl.SSLWantReadError:
            raw.sendall(outgoing.read())
            incoming.write(raw.recv(65536))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        raw.sendall(outgoing.read())
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(65536): pass
      print("done")
      """
    let ended = try run("python3", ["-c", script, "\(gate.https)"], seconds: 30)
    #expect(ended.standardOutput == "done\n", "\(ended.standardError)")
  }

  @Test(arguments: ["gone", "torn", "empty", "a key", "a byte", "another's"])
  func `a bad file of authorities or revocations changes nothing`(_ fault: String) throws {
    try authority.issue("alice")
    for file in [authority.certificate, authority.list] {
      let gate = try gate("{ ca: \(authority.certificate), crl: \(authority.list) }")
      let good = try Data(contentsOf: URL(fileURLWithPath: file))
      switch fault {
      case "gone": try FileManager.default.removeItem(atPath: file)
      case "torn": try good.prefix(good.count / 2).write(to: URL(fileURLWithPath: file))
      case "a byte":
        // The last but some of the signature: the form stays whole.
        let der = gate.folder.url.appendingPathComponent("der").path
        let kind = file == authority.list ? "crl" : "x509"
        let damaged = try run(
          "sh",
          [
            "-c",
            "openssl \(kind) -in \(file) -outform der -out \(der) && python3 -c 'p=\"\(der)\"; "
              + "b=bytearray(open(p,\"rb\").read()); b[-3]^=1; open(p,\"wb\").write(b)' && "
              + "openssl \(kind) -inform der -in \(der) -out \(file)",
          ])
        #expect(damaged.status == 0, "\(damaged.standardError)")
      case "another's":
        // Of the same name, with another key; an authority's own file may be any authority's.
        guard file == authority.list else { continue }
        let other = try ClientAuthority()
        try Data(contentsOf: URL(fileURLWithPath: other.list)).write(
          to: URL(fileURLWithPath: file))
      case "empty": try Data().write(to: URL(fileURLWithPath: file))
      default:
        try FileManager.default.removeItem(atPath: file)
        try FileManager.default.copyItem(atPath: authority.path("alice.key"), toPath: file)
      }
      let refused = try gate.command("apply", "--socket", gate.socket)
      #expect(refused.status == 2, "\(refused.standardError)")
      #expect(!refused.standardError.isEmpty)
      #expect(try TLSAttempt(gate, sni: "www.test").status == nil)
      #expect(try TLSAttempt(gate, sni: "www.test", with: shown("alice")).status == 200)
      // Nor does it start with it.
      #expect(try gate.command("check", "-c", gate.path).status == 2)
      try? FileManager.default.removeItem(atPath: file)
      try good.write(to: URL(fileURLWithPath: file))
    }
  }

  /// Asks once, waits for the file, asks again on the same connection.
  private static let keptConnection = """
    import os, socket, ssl, sys, time
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    raw = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
    connection = context.wrap_socket(raw, server_hostname="www.test")
    def ask():
        try:
            connection.sendall(b"GET / HTTP/1.1\\r\\nHost: www.test\\r\\n\\r\\n")
            answer = connection.recv(65536)
        except OSError:
            answer = b""
        print(answer.split()[1].decode() if answer else "ended", flush=True)
    ask()
    for _ in range(400):
        if os.path.exists(sys.argv[2]): break
        time.sleep(0.05)
    ask()
    """
}
