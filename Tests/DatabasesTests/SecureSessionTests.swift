import COpenSSL
import Foundation
import Testing

@testable import Databases

/// TLS to servers that are odd, evil, or not the ones that they say: nothing of a login is sent in clear.
struct SecureSessionTests {
  private static let login = DatabaseLogin(user: "monitor", password: "secret")
  private static let sha2 = StubServer.greeting(plugin: "caching_sha2_password")
  private static let ok: StubServer.Turn = .packet([0, 0, 0, 2, 0, 0, 0])
  private let certificate: StubCertificate

  init() throws { certificate = try StubCertificate() }

  private func tls(verifies: Bool = true, _ name: String? = "db.test") -> DatabaseTLS {
    DatabaseTLS(verifies: verifies, authoritiesPEM: certificate.pem, serverName: name)
  }

  /// What went wrong, and what the server got until then.
  private func failure(
    _ script: [StubServer.Turn], _ tls: DatabaseTLS? = nil, within time: Duration = .seconds(10)
  ) -> (error: DatabaseError?, received: [[UInt8]]) {
    // SSL_write of a stub whose client is gone.
    signal(SIGPIPE, SIG_IGN)
    let server = StubServer(script)
    var found: DatabaseError?
    do throws(DatabaseError) {
      _ = try MySQLSession(
        to: .loopback(port: server.port), as: Self.login, over: tls ?? self.tls(), within: time)
    } catch {
      found = error
    }
    server.wait()
    return (found, server.received)
  }

  @Test func `a login goes over TLS, and a password in no cache is sent whole within it`() {
    let (error, received) = failure([
      .packet(Self.sha2), .listen, .startTLS(certificate), .listen, .packet([1, 4]), .listen,
      Self.ok, .listen,
    ])
    #expect(error == nil)
    #expect(received.first == LoginRequest.tlsRequest && received.first?.count == 32)
    #expect(received.dropFirst().first?.starts(with: LoginRequest.tlsRequest) == true)
    #expect(received.dropFirst(2).first == Array("secret".utf8) + [0])
  }

  @Test func `whom nobody verified gets no password as it is, though TLS hides it`() {
    let (error, received) = failure(
      [
        .packet(Self.sha2), .listen, .startTLS(certificate), .listen, .packet([1, 4]), .listen,
        Self.ok,
      ], tls(verifies: false))
    guard case .unsupported = error?.reason else {
      Issue.record("\(String(describing: error))")
      return
    }
    let password = Array("secret".utf8)
    #expect(!received.contains { $0.starts(with: password) })
  }

  @Test func `over a Unix socket a password in no cache is sent as it is`() throws {
    let path = FileManager.default.temporaryDirectory.path + "/gh-\(UUID().uuidString.prefix(8))"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let server = StubServer(
      [.packet(Self.sha2), .listen, .packet([1, 4]), .listen, Self.ok], path: path)
    _ = try MySQLSession(
      to: .unix(path: path), as: Self.login, over: tls(), within: .seconds(10))
    server.wait()
    #expect(server.received.last == Array("secret".utf8) + [0])
  }

  @Test func `a server that offers no TLS, or whose offer somebody strips, gets not one byte`() {
    let stripped = StubServer.greeting(plugin: "mysql_native_password", offersTLS: false)
    let (error, received) = failure([.packet(stripped), .listen])
    #expect(error?.step == .tls)
    #expect(error?.description.contains("offers no TLS") == true)
    #expect(error?.description.contains("ssl_cert") == true)
    #expect(error?.isFromLivingServer == true)
    #expect(received.isEmpty)
  }

  @Test func `a server that says it can and does not gets no login`() {
    for turns in [
      [Self.ok], [.packet([0xff, 0x10, 0x04] + Array("Too many".utf8))],
      [.bytes(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))],
      [.bytes([21, 3, 3, 0, 2, 2, 40])],
    ] as [[StubServer.Turn]] {
      let (error, received) = failure([.packet(Self.sha2), .listen] + turns + [.silence])
      #expect(error?.step == .tls)
      guard case .broken = error?.reason else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect(received == [LoginRequest.tlsRequest])
    }
    #expect(failure([.packet(Self.sha2), .listen]).error?.reason == .closed)
  }

  @Test func `a handshake that stalls, or never ends, is over with the deadline`() {
    let begin = ContinuousClock.now
    // A record's head of 16 KiB whose bytes never come.
    for turns in [[.silence], [.bytes([22, 3, 3, 0x40, 0]), .silence]] as [[StubServer.Turn]] {
      let (error, _) = failure(
        [.packet(Self.sha2), .listen] + turns, within: .milliseconds(300))
      #expect(error?.reason == .silence, "\(String(describing: error))")
    }
    #expect(ContinuousClock.now - begin < .seconds(20))
  }

  @Test func `a certificate of another name, of nobody known, or for no address is refused`() {
    let script: [StubServer.Turn] = [
      .packet(Self.sha2), .listen, .startTLS(certificate), .listen,
    ]
    let name = failure(script, tls("other.test"))
    #expect(name.error?.description.contains("ostname mismatch") == true, "\(name)")
    #expect(name.error?.description.contains("server_name") == true)
    // The server's own address, where no name is given.
    let address = failure(script, tls(nil))
    #expect(address.error?.description.contains("IP address mismatch") == true, "\(address)")
    let authority = failure(script, DatabaseTLS(serverName: "db.test"))
    #expect(authority.error?.description.contains("tls: { ca: FILE }") == true, "\(authority)")
    for found in [name, address, authority] {
      guard case .untrusted = found.error?.reason else {
        Issue.record("\(found)")
        continue
      }
      #expect(found.error?.isFromLivingServer == true)
      #expect(found.received == [LoginRequest.tlsRequest])
    }
    let none = failure(
      [.packet(Self.sha2), .listen],
      DatabaseTLS(authoritiesPEM: Array("no PEM".utf8), serverName: "db.test"))
    #expect(none.error?.description.contains("no certificate in the file") == true, "\(none)")
  }

  @Test func `what is said before TLS begins is never taken for said within`() {
    let greeting = PacketAssembler.frame(Self.sha2, sequence: 0) ?? []
    let early = PacketAssembler.frame([0, 0, 0, 2, 0, 0, 0], sequence: 2) ?? []
    let (error, _) = failure([.bytes(greeting + early), .listen, .silence])
    #expect(error?.step == .tls, "\(String(describing: error))")
    guard case .broken = error?.reason else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func `ed25519 signs the whole challenge, and only for a password that is a seed`() throws {
    let seed = Array("0123456789abcdef0123456789abcdef".utf8)
    // The last byte is no end of a text.
    let challenge = (1...31).map { UInt8($0) } + [0]
    let key = unsafe EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, seed.count)
    defer { unsafe EVP_PKEY_free(key) }
    let signature = LoginProof.ed25519.answer(seed, challenge: challenge)
    let context = unsafe EVP_MD_CTX_new()
    defer { unsafe EVP_MD_CTX_free(context) }
    let begun = unsafe EVP_DigestVerifyInit(context, nil, nil, nil, key)
    let verified = unsafe EVP_DigestVerify(context, signature, signature.count, challenge, 32)
    #expect(begun == 1 && verified == 1)
    #expect(LoginProof.ed25519.answer(Array("short".utf8), challenge: challenge).isEmpty)

    let server = StubServer([
      .packet(StubServer.greeting("5.5.5-10.11.19-MariaDB", plugin: "mysql_native_password")),
      .listen, .packet([0xfe] + Array("client_ed25519\u{0}".utf8) + challenge), .silence,
    ])
    let error = #expect(throws: DatabaseError.self) {
      _ = try MySQLSession(to: .loopback(port: server.port), as: Self.login, within: .seconds(10))
    }
    server.wait()
    #expect(server.received.count == 1)
    #expect(error?.description.contains("openssl rand -hex 16") == true)
    #expect(error?.description.contains("this one has 6") == true)
  }
}
