import COpenSSL
import Testing

@testable import Databases

/// What a client does with servers that are odd, or evil.
struct SessionTests {
  private static let login = DatabaseLogin(user: "monitor", password: "secret")

  private static func failure(
    _ script: [StubServer.Turn], within time: Duration = .seconds(5)
  ) -> DatabaseError? {
    let server = StubServer(script)
    defer { server.wait() }
    do throws(DatabaseError) {
      let session = try MySQLSession(
        to: .loopback(port: server.port), as: login, within: time)
      try session.query("SELECT 1", within: time)
      return nil
    } catch {
      return error
    }
  }

  private static let native = StubServer.greeting(plugin: "mysql_native_password")
  private static let sha2 = StubServer.greeting(plugin: "caching_sha2_password")

  @Test func `a cached password is proved by caching_sha2_password`() {
    let server = StubServer([
      .packet(Self.sha2), .listen, .packet([1, 3]), .packet([0, 0, 0, 2, 0, 0, 0]), .listen,
      .packet([0, 0, 0, 2, 0, 0, 0]), .listen,
    ])
    #expect(throws: Never.self) {
      let session = try MySQLSession(
        to: .loopback(port: server.port), as: Self.login, within: .seconds(5))
      #expect(session.isMariaDB == false && session.version == "8.0.36")
      #expect(try session.query("SELECT 1", within: .seconds(5)) == ResultTable())
      session.close()
    }
    server.wait()
    let proof = LoginProof.cachingSHA2.answer(
      Array("secret".utf8), challenge: StubServer.challenge)
    #expect(server.received.first?.contains(proof) == true)
    #expect(server.received.dropFirst() == [[3] + Array("SELECT 1".utf8), [1]])
  }

  @Test func `a password in no cache is sent encrypted with the server's key`() throws {
    guard let key = unsafe gatehouse_EVP_RSA_gen(2048) else {
      Issue.record("no RSA key")
      return
    }
    defer { unsafe EVP_PKEY_free(key) }
    let pem = unsafe Self.pem(key)
    let server = StubServer([
      .packet(Self.sha2), .listen, .packet([1, 4]), .listen, .packet([1] + pem),
      .listen, .packet([0, 0, 0, 2, 0, 0, 0]),
    ])
    _ = try MySQLSession(to: .loopback(port: server.port), as: Self.login, within: .seconds(5))
    server.wait()
    #expect(server.received.count == 3)
    #expect(server.received[1] == [2])
    let masked = unsafe Self.decrypted(server.received[2], key)
    let plain = masked.enumerated().map { $0.element ^ StubServer.challenge[$0.offset % 20] }
    #expect(plain == Array("secret".utf8) + [0])
  }

  @Test func `the account's own plugin is followed, with its own challenge`() {
    let fresh = Array("ZYXWVUTSRQPONMLKJIHG".utf8)
    let server = StubServer([
      .packet(Self.sha2), .listen,
      .packet([0xfe] + Array("mysql_native_password\u{0}".utf8) + fresh + [0]), .listen,
      .packet([0, 0, 0, 2, 0, 0, 0]),
    ])
    #expect(throws: Never.self) {
      _ = try MySQLSession(to: .loopback(port: server.port), as: Self.login, within: .seconds(5))
    }
    server.wait()
    let proof = LoginProof.nativePassword.answer(Array("secret".utf8), challenge: fresh)
    #expect(server.received.last == proof)
  }

  @Test func `the password is never sent in clear, whoever asks for it`() {
    let error = Self.failure([
      .packet(Self.native), .listen, .packet([0xfe] + Array("mysql_clear_password\u{0}".utf8)),
    ])
    #expect(error?.step == .login)
    #expect(error?.description.contains("mysql_clear_password") == true)
    let key = Self.failure([
      .packet(Self.sha2), .listen, .packet([1, 4]), .listen,
      .packet([1] + Array("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".utf8)),
    ])
    #expect(key == DatabaseError(.login, .broken("an RSA key that is none")))
  }

  @Test func `one deadline holds for a whole login, however the server dawdles`() {
    let begin = ContinuousClock.now
    for script in [
      [.silence], [.bytes([0x4a, 0, 0]), .silence], [.packet(Self.native), .silence],
      [.packet(Self.native), .listen, .packet([0, 0, 0, 2, 0, 0, 0]), .listen, .silence],
    ] as [[StubServer.Turn]] {
      let error = Self.failure(script, within: .milliseconds(150))
      #expect(error?.reason == .silence, "\(String(describing: error))")
    }
    #expect(ContinuousClock.now - begin < .seconds(3))
  }

  @Test func `what is not the protocol is told from what is not there`() {
    #expect(Self.failure([])?.reason == .closed)
    let web = Self.failure([.bytes(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)), .silence])
    guard case .broken = web?.reason else {
      Issue.record("\(String(describing: web))")
      return
    }
    let full = [0xff, 0x10, 0x04] + Array("Too many connections".utf8)
    #expect(
      Self.failure([.packet(full)])
        == DatabaseError(
          .greeting, .refused(ServerError(code: 1040, message: "Too many connections"))))
    let order = Self.failure([.packet(Self.native), .listen, .bytes([1, 0, 0, 9, 0])])
    #expect(order == DatabaseError(.login, .broken("a packet out of its order")))
    let endless = Self.failure(
      [.packet(Self.sha2), .listen] + Array(repeating: .packet([1, 3]), count: 20))
    #expect(endless == DatabaseError(.login, .broken("a login without an end")))
  }

  private static func pem(_ key: OpaquePointer) -> [UInt8] {
    guard let bio = unsafe BIO_new(BIO_s_mem()) else { return [] }
    defer { unsafe BIO_free(bio) }
    unsafe PEM_write_bio_PUBKEY(bio, key)
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = unsafe BIO_read(bio, &bytes, 4096)
    return Array(bytes.prefix(Int(max(0, count))))
  }

  private static func decrypted(_ bytes: [UInt8], _ key: OpaquePointer) -> [UInt8] {
    guard let context = unsafe EVP_PKEY_CTX_new(key, nil) else { return [] }
    defer { unsafe EVP_PKEY_CTX_free(context) }
    var plain = [UInt8](repeating: 0, count: 512)
    var count = plain.count
    guard unsafe EVP_PKEY_decrypt_init(context) == 1,
      unsafe EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1,
      unsafe EVP_PKEY_decrypt(context, &plain, &count, bytes, bytes.count) == 1
    else { return [] }
    return Array(plain.prefix(count))
  }
}
