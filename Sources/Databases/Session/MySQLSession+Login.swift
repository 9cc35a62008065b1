extension MySQLSession {
  /// A server may ask for another plugin once, and a plugin has three things to say at most.
  private static let replyLimit = 6

  /// What is proved, and to what challenge.
  private struct Attempt {
    let login: DatabaseLogin
    let isMariaDB: Bool
    var proof: LoginProof
    var challenge: [UInt8]

    var password: [UInt8] { Array(login.password.utf8) }
    var answer: [UInt8] { proof.answer(password, challenge: challenge) }
  }

  /// From here on TLS, or nothing: whatever the greeting says, it came in clear and may be another's.
  static func secure(
    _ tls: DatabaseTLS, _ address: DatabaseAddress, _ greeting: Greeting,
    _ wire: inout PacketWire, by deadline: Deadline
  ) throws(DatabaseError) {
    guard greeting.offersTLS else {
      throw DatabaseError(
        .tls,
        .unsupported(
          "the server offers no TLS, which `tls` asks for; nothing was sent to it; write ssl_cert "
            + "and ssl_key into its my.cnf, or look who stands between"))
    }
    try wire.send(LoginRequest.tlsRequest, .tls, by: deadline)
    try wire.secure(by: tls, address, by: deadline)
  }

  static func logIn(
    _ login: DatabaseLogin, _ greeting: Greeting, _ wire: inout PacketWire, by deadline: Deadline
  ) throws(DatabaseError) {
    // What the server prefers may be none of ours; the account's own may still be. The challenge is
    // one for these two.
    let proof =
      LoginProof(plugin: greeting.plugin).flatMap { $0 == .ed25519 ? nil : $0 } ?? .nativePassword
    var attempt = Attempt(
      login: login, isMariaDB: greeting.isMariaDB, proof: proof, challenge: greeting.challenge)
    let body = LoginRequest.body(
      user: login.user, proof: proof, answer: attempt.answer, isOverTLS: wire.isOverTLS)
    try wire.send(body, .login, by: deadline)
    for _ in 0..<replyLimit {
      switch ServerReply(readingLogin: try wire.receive(.login, by: deadline)) {
      case .ok: return
      case .error(let error): throw DatabaseError(.login, .refused(error))
      case .broken(let what): throw DatabaseError(.login, .broken(what))
      case .switchPlugin(let name, let challenge):
        guard let other = LoginProof(plugin: name), other.canProve(attempt.password) else {
          throw DatabaseError(.login, .unsupported(refusal(of: name, attempt)))
        }
        attempt.proof = other
        attempt.challenge = challenge
        try wire.send(attempt.answer, .login, by: deadline)
      case .more(let bytes):
        try goOn(bytes, attempt, &wire, by: deadline)
      }
    }
    throw DatabaseError(.login, .broken("a login without an end"))
  }

  /// 3: the cached password was right, an OK follows. 4: it is in no cache and is wanted whole, which
  /// only who is known gets: the RSA key that 2 asks for would be that of whoever answers.
  private static func goOn(
    _ bytes: [UInt8], _ attempt: Attempt, _ wire: inout PacketWire, by deadline: Deadline
  ) throws(DatabaseError) {
    switch (attempt.proof, bytes) {
    case (.cachingSHA2, [3]): return
    case (.cachingSHA2, [4]):
      guard wire.isPrivate else {
        throw DatabaseError(
          .login,
          .unsupported(
            "it has the password of '\(attempt.login.user)' in no cache and wants it whole; it gets it "
              + "over TLS with a verified certificate (mysql: { tls: true }) or a Unix socket; or log "
              + "in once by another client, which fills the cache"))
      }
      try wire.send(attempt.password + [0], .login, by: deadline)
    case (.cachingSHA2, _), (.nativePassword, _), (.ed25519, _):
      throw DatabaseError(.login, .broken("unknown words of the plugin \(attempt.proof.plugin)"))
    }
  }

  private static func refusal(of plugin: String, _ attempt: Attempt) -> String {
    let user = attempt.login.user
    let native =
      attempt.isMariaDB
      ? "ALTER USER '\(user)' IDENTIFIED VIA mysql_native_password USING PASSWORD('...')"
      : "ALTER USER '\(user)' IDENTIFIED WITH caching_sha2_password BY '...'"
    guard plugin == LoginProof.ed25519.plugin else {
      return "'\(user)' logs in by the plugin \"\(plugin)\"; allowed: mysql_native_password, "
        + "caching_sha2_password, client_ed25519; type at the server: \(native)"
    }
    return "'\(user)' logs in by \(plugin), which takes a password of \(LoginProof.seedSize) bytes "
      + "here, and this one has \(attempt.password.count); make one: openssl rand -hex 16, and type "
      + "at the server: ALTER USER '\(user)' IDENTIFIED VIA ed25519 USING PASSWORD('...'); or: "
      + native
  }
}
