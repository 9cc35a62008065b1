import Foundation
import Testing

/// Handshakes as the world's clients make them, and as nobody should.
@Suite struct HandshakeTests {
  private func hello(_ gate: Gate, _ name: String, _ how: String) throws -> String {
    let script = Place.root.appendingPathComponent("Tests/EndToEndTests/Oracle/hello.py").path
    return try run("python3", [script, "\(gate.https)", name, how]).standardOutput
      .trimmingCharacters(in: .newlines)
  }

  @Test(arguments: ["whole", "segments", "records", "fragments"])
  func `a hello in pieces asks for the same`(_ how: String) throws {
    let authority = try ClientAuthority()
    let gate = try Gate(
      [.named("s1")],
      edit: {
        $0.replacing(
          "certificates: certs }",
          with: "certificates: certs, tls: { hosts: { a.wild.test: { client_auth: "
            + "{ ca: \(authority.certificate) } } } } }")
      })
    #expect(try hello(gate, "www.test", how) == "HTTP/1.1 200 OK")
    // A name that is not read must not be taken for none (Traefik CVE-2026-32305).
    #expect(try hello(gate, "a.wild.test", how) != "HTTP/1.1 200 OK")
    #expect(try hello(gate, "unknown.test", how) == "refused: TLSV1_UNRECOGNIZED_NAME")
  }

  @Test func `a downgrade is told and refused`() throws {
    let gate = try Gate([.named("s1")])
    // "DOWNGRD" and 1 (RFC 8446, section 4.1.3).
    #expect(try hello(gate, "www.test", "random") == "444f574e47524401")
    let fallback = try run(
      "openssl",
      [
        "s_client", "-connect", "127.0.0.1:\(gate.https)", "-servername", "www.test", "-tls1_2",
        "-fallback_scsv",
      ], input: Data())
    #expect(fallback.standardError.contains("inappropriate fallback"))
  }

  @Test func `neither compresses nor negotiates anew`() throws {
    let gate = try Gate([.named("s1")])
    let asked = try run(
      "sh",
      [
        "-c",
        "(sleep 1; echo R; sleep 1) | openssl s_client -connect 127.0.0.1:\(gate.https) "
          + "-servername www.test -tls1_2 -comp 2>&1",
      ])
    #expect(asked.standardOutput.contains("RENEGOTIATING"))
    #expect(asked.standardOutput.contains("no renegotiation"))
    #expect(asked.standardOutput.contains("Compression: NONE"))
  }

  @Test func `curl, Python and nginx are served`() throws {
    let gate = try Gate([.named("s1")])
    for version in [["--tls-max", "1.2"], ["--tlsv1.3"]] {
      let served = try run(
        "curl",
        ["-sS", "--cacert", gate.ca, "--resolve", "www.test:\(gate.https):127.0.0.1"] + version
          + ["https://www.test:\(gate.https)/"])
      #expect(served.standardOutput == "s1\n", "\(served.standardError)")
    }
    let python = try run(
      "python3",
      [
        "-c",
        """
        import socket, ssl
        context = ssl.create_default_context(cafile="\(gate.ca)")
        raw = socket.create_connection(("127.0.0.1", \(gate.https)), 10)
        with context.wrap_socket(raw, server_hostname="www.test") as connection:
            connection.sendall(b"GET / HTTP/1.1\\r\\nHost: www.test\\r\\nConnection: close\\r\\n\\r\\n")
            print(connection.version(), connection.recv(9999).split(b"\\r\\n")[0].decode())
        """,
      ])
    #expect(python.standardOutput == "TLSv1.3 HTTP/1.1 200 OK\n", "\(python.standardError)")
    #expect(try throughNginx(gate) == "s1\n")
  }

  /// nginx in front, as a client that verifies.
  private func throughNginx(_ gate: Gate) throws -> String {
    let folder = gate.folder.url.path
    let port = RawSocket.freePort()
    let file = try gate.folder.write(
      "nginx.conf",
      """
      daemon off; pid \(folder)/nginx.pid; error_log \(folder)/nginx.log;
      events {}
      http {
        access_log off; client_body_temp_path \(folder); proxy_temp_path \(folder);
        fastcgi_temp_path \(folder); uwsgi_temp_path \(folder); scgi_temp_path \(folder);
        server {
          listen 127.0.0.1:\(port);
          location / {
            proxy_pass https://127.0.0.1:\(gate.https); proxy_http_version 1.1;
            proxy_set_header Host www.test; proxy_ssl_server_name on; proxy_ssl_name www.test;
            proxy_ssl_verify on; proxy_ssl_trusted_certificate \(gate.ca);
          }
        }
      }
      """)
    let nginx = Process()
    nginx.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    nginx.arguments = ["nginx", "-c", file]
    try nginx.run()
    defer {
      nginx.terminate()
      nginx.waitUntilExit()
    }
    return try run(
      "curl",
      [
        "-sS", "--retry", "20", "--retry-connrefused", "--retry-delay", "0",
        "http://127.0.0.1:\(port)/",
      ]
    ).standardOutput
  }
}
