extension MySQLSession {
  /// A server may ask for another plugin once, and a plugin has three things to say at most.
  private static let replyLimit = 6

  /// What is proved, and to what challenge.
  private struct Attempt {
    let login: DatabaseLogin
    var proof: LoginProof
    var challenge: [UInt8]

    var answer: [UInt8] { proof.answer(Array(login.password.utf8), challenge: challenge) }
  }

  static func logIn(
    _ login: DatabaseLogin, _ greeting: Greeting, _ wire: inout PacketWire, by deadline: Deadline
  ) throws(DatabaseError) {
    // What the server prefers may be none of ours; the account's own may still be.
    let proof = LoginProof(plugin: greeting.plugin) ?? .nativePassword
    var attempt = Attempt(login: login, proof: proof, challenge: greeting.challenge)
    let body = LoginRequest.body(user: login.user, proof: proof, answer: attempt.answer)
    try wire.send(body, .login, by: deadline)
    for _ in 0..<replyLimit {
      switch ServerReply(readingLogin: try wire.receive(.login, by: deadline)) {
      case .ok: return
      case .error(let error): throw DatabaseError(.login, .refused(error))
      case .broken(let what): throw DatabaseError(.login, .broken(what))
      case .switchPlugin(let name, let challenge):
        guard let other = LoginProof(plugin: name) else {
          throw DatabaseError(.login, .unsupported(refusal(of: name, login)))
        }
        attempt.proof = other
        attempt.challenge = Array(challenge.prefix(Greeting.challengeSize))
        try wire.send(attempt.answer, .login, by: deadline)
      case .more(let bytes):
        try goOn(bytes, attempt, &wire, by: deadline)
      }
    }
    throw DatabaseError(.login, .broken("a login without an end"))
  }

  /// 3: the cached password was right, an OK follows. 4: it is in no cache; 2 asks for the key to
  /// encrypt it with.
  private static func goOn(
    _ bytes: [UInt8], _ attempt: Attempt, _ wire: inout PacketWire, by deadline: Deadline
  ) throws(DatabaseError) {
    switch (attempt.proof, bytes) {
    case (.cachingSHA2, [3]): return
    case (.cachingSHA2, [4]): try wire.send([2], .login, by: deadline)
    case (.cachingSHA2, let key) where key.starts(with: Array("-----BEGIN".utf8)):
      let password = Array(attempt.login.password.utf8)
      guard
        let whole = WholePassword.encrypted(
          password, challenge: attempt.challenge, keyPEM: key)
      else { throw DatabaseError(.login, .broken("an RSA key that is none")) }
      try wire.send(whole, .login, by: deadline)
    case (.cachingSHA2, _), (.nativePassword, _):
      throw DatabaseError(.login, .broken("unknown words of the plugin \(attempt.proof.plugin)"))
    }
  }

  private static func refusal(of plugin: String, _ login: DatabaseLogin) -> String {
    "'\(login.user)' logs in by the plugin \"\(plugin)\"; allowed: mysql_native_password, "
      + "caching_sha2_password; type at the server: ALTER USER '\(login.user)' IDENTIFIED VIA "
      + "mysql_native_password"
  }
}
