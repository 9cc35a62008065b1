extension MySQLSession {
  /// A server may ask for another plugin once, and a plugin has two things to say at most.
  private static let replyLimit = 6

  static func logIn(
    _ login: DatabaseLogin, _ greeting: Greeting, _ wire: inout PacketWire, by deadline: Deadline
  ) throws(DatabaseError) {
    let password = Array(login.password.utf8)
    // What the server prefers may be none of ours; the account's own may still be.
    var proof = LoginProof(plugin: greeting.plugin) ?? .nativePassword
    var challenge = greeting.challenge
    let answer = proof.answer(password, challenge: challenge)
    try wire.send(
      LoginRequest.body(user: login.user, proof: proof, answer: answer), .login, by: deadline)
    for _ in 0..<replyLimit {
      switch ServerReply(readingLogin: try wire.receive(.login, by: deadline)) {
      case .ok: return
      case .error(let error): throw DatabaseError(.login, .refused(error))
      case .broken(let what): throw DatabaseError(.login, .broken(what))
      case .switchPlugin(let name, let fresh):
        guard let other = LoginProof(plugin: name) else {
          throw DatabaseError(.login, .unsupported(refusal(of: name, login)))
        }
        (proof, challenge) = (other, Array(fresh.prefix(Greeting.challengeSize)))
        try wire.send(proof.answer(password, challenge: challenge), .login, by: deadline)
      case .more(let bytes):
        try goOn(bytes, proof, login)
      }
    }
    throw DatabaseError(.login, .broken("a login without an end"))
  }

  /// 3: the cached password was right, an OK follows. 4: it is in no cache.
  private static func goOn(
    _ bytes: [UInt8], _ proof: LoginProof, _ login: DatabaseLogin
  ) throws(DatabaseError) {
    switch (proof, bytes) {
    case (.cachingSHA2, [3]): return
    case (.cachingSHA2, [4]):
      throw DatabaseError(
        .login,
        .unsupported(
          "the server has not cached the password of '\(login.user)' and wants it whole; log in "
            + "once as it over TLS, or: ALTER USER '\(login.user)' IDENTIFIED WITH "
            + "mysql_native_password"))
    case (.cachingSHA2, _), (.nativePassword, _):
      throw DatabaseError(.login, .broken("unknown words of the plugin \(proof.plugin)"))
    }
  }

  private static func refusal(of plugin: String, _ login: DatabaseLogin) -> String {
    "'\(login.user)' logs in by the plugin \"\(plugin)\"; allowed: mysql_native_password, "
      + "caching_sha2_password; type at the server: ALTER USER '\(login.user)' IDENTIFIED VIA "
      + "mysql_native_password"
  }
}
