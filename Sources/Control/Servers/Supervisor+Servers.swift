internal import Configuration
internal import Foundation
internal import Proxy

/// What is changed of servers while running.
extension Supervisor {
  /// An apply by SIGHUP: the signal does not say whose it is.
  public func applyOnSignal() {
    let before = "generation \(generation)"
    let errors = apply(by: "SIGHUP")
    let entry = AuditEntry(
      at: Date(), user: "SIGHUP", uid: geteuid(), pid: getpid(), role: AdminRole.admin.rawValue,
      action: "apply", subject: "", before: before,
      after: errors.isEmpty ? "generation \(generation)" : "", reason: "",
      outcome: errors.isEmpty ? "done" : errors.joined(separator: "; "))
    if let trouble = audit.append(entry) {
      logger.error("the audit log can't be written: \(trouble)")
    }
  }

  func set(_ id: ServerID, _ change: ServerChange, by: ServerCaller) throws(ServerRefusal) {
    try change.terms.check()
    guard change.weight != nil || change.state != nil else {
      throw ServerRefusal(400, "nothing to change: give a weight or a state")
    }
    _ = try servers.change { state throws(ServerRefusal) in
      try by.check(state.tag)
      _ = try state.known(id)
      if let weight = change.weight {
        try state.put(id, .weight(weight), change.terms, by)
      }
      if let wanted = change.state {
        // "ready" is what holds anyway, but for an agent that says something else.
        if wanted == .ready, state.reports[id]?.agentState == nil {
          _ = state.overrides.remove(id, .state)
        } else {
          try state.put(id, .state(wanted), change.terms, by)
        }
      }
    }
    health.follow()
    let what = [change.weight.map { "weight \($0.text)" }, change.state?.rawValue]
    note(
      "server \(id) is set to \(what.compactMap(\.self).joined(separator: ", "))", id, change.terms,
      by)
  }

  func add(_ id: ServerID, _ wanted: ServerAddition, by: ServerCaller) throws(ServerRefusal) {
    let server = try check(id, wanted)
    try changeServers { state throws(ServerRefusal) in
      try by.check(state.tag)
      guard let backend = state.file.backends.first(where: { $0.name == id.backend }) else {
        throw state.unknown(id)
      }
      if state.overrides[id, .removed] != nil {
        throw ServerRefusal(
          409,
          "\(id) stands in the file and was removed; bring it back with: "
            + "gatehouse overrides clear \(id).removed")
      }
      guard !backend.servers.contains(where: { $0.name == id.server }),
        state.overrides[id, .added] == nil
      else { throw ServerRefusal(409, "there is a server \(id) already") }
      try state.put(id, .added(server), wanted.terms, by)
    }
    note("server \(id) is added: \(server.text)", id, wanted.terms, by)
  }

  func remove(_ id: ServerID, _ terms: ChangeTerms, by: ServerCaller) throws(ServerRefusal) {
    try terms.check()
    try changeServers { state throws(ServerRefusal) in
      try by.check(state.tag)
      let backend = try state.known(id)
      guard backend.servers.count > 1 else {
        throw ServerRefusal(
          409,
          "\(id) is the last server of its backend; to send it nothing: "
            + "gatehouse drain \(id)")
      }
      let added = state.overrides.remove(id)
      if !added.contains(where: { $0.change.key == .added }) {
        try state.put(id, .removed, terms, by)
      }
    }
    note("server \(id) is removed", id, terms, by)
  }

  /// Clears overrides: all, those of a server, or one; says which.
  func clear(
    _ id: ServerID?, _ key: ServerOverride.Key?, by: ServerCaller, mayAll: Bool
  ) throws(ServerRefusal) -> [ServerOverride] {
    var gone: [ServerOverride] = []
    try changeServers { state throws(ServerRefusal) in
      try by.check(state.tag)
      if let id {
        gone = state.overrides.remove(id, key)
      } else {
        gone = state.overrides.overrides
        state.overrides.removeAll()
      }
      if gone.isEmpty, let id {
        throw ServerRefusal(
          404,
          "no override of \(id)\(key.map { ".\($0.rawValue)" } ?? ""); see: gatehouse overrides list"
        )
      }
      let needsAdmin = gone.contains { [.added, .removed].contains($0.change.key) }
      guard mayAll || !needsAdmin else {
        throw ServerRefusal(403, "servers come or go with it: that needs the role admin")
      }
    }
    for override in gone {
      logger.of(.override).notice(
        "override \(override.name) is cleared by \(by.name)",
        metadata: .about(override.name, by: by.name))
    }
    return gone
  }

  func failBack(_ backend: String, by: ServerCaller) throws(ServerRefusal) -> TierSelection.Change {
    let names = servers.look { $0.applied.backends.map(\.name) }
    guard names.contains(backend) else {
      let all = names.joined(separator: ", ")
      throw ServerRefusal(404, "no backend \"\(AuditLog.visible(backend))\"; there are: \(all)")
    }
    try by.check(servers.look { $0.tag })
    guard let change = servers.failBack(backend) else {
      throw ServerRefusal(409, "\(backend) uses the best tier that is healthy already")
    }
    return change
  }

  private func check(
    _ id: ServerID, _ wanted: ServerAddition
  ) throws(ServerRefusal) -> AddedServer {
    try wanted.terms.check()
    guard ServerAddress.isName(id.server) else {
      throw ServerRefusal(400, "the server's name must be 1 to 64 of a-z, A-Z, 0-9, - and _")
    }
    guard let address = ServerAddress.parse(wanted.address) else {
      let text = AuditLog.visible(wanted.address)
      throw ServerRefusal(400, "\"\(text)\" is wrong; allowed: \(ServerAddress.allowed)")
    }
    let weight = wanted.weight ?? 1
    guard (0...256).contains(weight), (0...100).contains(wanted.tier ?? 0) else {
      throw ServerRefusal(400, "the weight must be within 0...256, the tier within 0...100")
    }
    return AddedServer(
      address: "\(address)", weight: weight, tier: wanted.tier ?? 0, role: wanted.role)
  }

  /// A change with which servers may come or go: it is put to work whole, or undone.
  private func changeServers(
    _ body: (inout ServerBook.State) throws(ServerRefusal) -> Void
  ) throws(ServerRefusal) {
    var own = OverrideBook.Difference()
    defer { health.follow() }
    let isChanged = try servers.change { state throws(ServerRefusal) in
      let before = state.overrides
      try body(&state)
      try state.checkPrimaries()
      own = state.overrides.difference(from: before)
    }
    guard isChanged else { return }
    do { try reconfigure() } catch {
      // What others changed meanwhile is theirs.
      _ = try servers.change { $0.overrides.undo(own) }
      throw ServerRefusal(422, "not put to work, and undone: \(error)")
    }
  }

  private func note(
    _ what: String, _ id: ServerID, _ terms: ChangeTerms, _ by: ServerCaller
  ) {
    let span = terms.seconds.map { " for \($0) s" } ?? ""
    let reason = terms.reason.map { ": \(AuditLog.visible($0))" } ?? ""
    logger.of(.server).notice(
      "\(what)\(span) by \(by.name)\(reason)", metadata: .about(id, by: by.name))
  }
}

extension ServerBook.State {
  /// Its backend, or who is there instead.
  func known(_ id: ServerID) throws(ServerRefusal) -> ProxyConfiguration.Backend {
    guard let backend = applied.backends.first(where: { $0.name == id.backend }),
      backend.servers.contains(where: { $0.name == id.server })
    else { throw unknown(id) }
    return backend
  }

  func unknown(_ id: ServerID) -> ServerRefusal {
    guard let backend = applied.backends.first(where: { $0.name == id.backend }) else {
      let all = applied.backends.map(\.name).joined(separator: ", ")
      return ServerRefusal(404, "no backend \"\(AuditLog.visible(id.backend))\"; there are: \(all)")
    }
    let all = backend.servers.map(\.name).joined(separator: ", ")
    return ServerRefusal(
      404,
      "no server \"\(AuditLog.visible(id.server))\" in backend \"\(id.backend)\"; there are: \(all)"
    )
  }

  /// In a backend with a split, and whose servers do not tell their roles, one takes the writes: with
  /// two of them, writes would be spread over both.
  func checkPrimaries() throws(ServerRefusal) {
    for backend in overrides.applied(to: file).backends
    where backend.split != nil && backend.mysql == nil {
      let primaries = backend.servers.filter { $0.role == .primary }.map(\.name)
      guard primaries.count != 1 else { continue }
      let found = primaries.isEmpty ? "none" : primaries.joined(separator: " and ")
      throw ServerRefusal(
        409,
        "backend \"\(backend.name)\" has a split, which needs one primary, and would have \(found); "
          + "change which it is in the file: gatehouse apply")
    }
  }

  mutating func put(
    _ id: ServerID, _ change: ServerOverrideChange, _ terms: ChangeTerms, _ by: ServerCaller
  ) throws(ServerRefusal) {
    let now = Date()
    // Who says the same again, without a reason, does not take the first one's away.
    let reason = overrides[id, change.key].flatMap { $0.change == change ? $0.reason : nil }
    let override = ServerOverride(
      backend: id.backend, server: id.server, change: change,
      configured: OverrideBook.configured(id, change.key, in: file.backends), by: by.name,
      since: now, reason: terms.reason ?? reason ?? "",
      until: terms.seconds.map { now + TimeInterval($0) })
    guard overrides.set(override) else {
      throw ServerRefusal(409, "there are \(OverrideBook.limit) overrides already; clear some")
    }
  }
}
