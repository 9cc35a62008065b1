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

  @Test func `a password in no cache goes to nobody who is not known`() {
    let error = Self.failure([.packet(Self.sha2), .listen, .packet([1, 4]), .silence])
    guard case .unsupported(let why) = error?.reason else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(why.contains("mysql: { tls: true }"))
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
      .packet(Self.sha2), .listen, .packet([1] + Array("-----BEGIN PUBLIC KEY-----\n".utf8)),
    ])
    #expect(
      key == DatabaseError(.login, .broken("unknown words of the plugin caching_sha2_password")))
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
}
