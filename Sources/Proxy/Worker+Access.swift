internal import Glibc

/// Whether a client may connect, and may send this request.
extension Worker {
  /// Counts and tells whether a connection of `address` is not to be.
  mutating func isRefused(_ address: IPAddress, _ admission: Admission) -> Bool {
    guard admission.access != nil || !bans.isEmpty else { return false }
    let time = Clock.unixSeconds()
    if !bans.isEmpty, bans.covers(address, at: time) {
      counters.connectionsBanned &+= 1
      refusedSources.note(address)
      return true
    }
    guard !admission.admits(address, at: time) else { return false }
    guard !admission.isAudit else {
      counters.wouldRefuse &+= 1
      return false
    }
    counters.connectionsRefused &+= 1
    refusedSources.note(address)
    return true
  }

  /// What the policy's rules for requests say of the one whose head lies in the intake; its path lies
  /// normalised in the scratch. Nil when it may go on.
  mutating func refusal(_ id: SlotID, _ access: RequestAccess, pathCount: Int) -> Reply? {
    let time = Clock.unixSeconds()
    let head = intake.prefix(requestHead.byteCount)
    let client = access.client(from: clients[id].address, requestHead, head, at: time)
    clients[id].exchange.judgement = Judgement(verdict: .deny, rule: .unreadable, access: access)
    if let client {
      clients[id].exchange.client = client
      let scratch = scratch
      let host = head.extracting(requestHead.host)
      let path = scratch.bytes(0..<pathCount)
      clients[id].exchange.asked = Exchange.Asked(host: Array(host), path: Array(path))
      let (isAllowed, rule) = access.decide(client, host: host, path: path, at: time)
      clients[id].exchange.judgement.rule = rule.map { .rule($0) } ?? .others
      if isAllowed {
        guard !bans.isEmpty, bans.covers(client, at: time) else {
          clients[id].exchange.judgement.verdict = .allow
          return nil
        }
        clients[id].exchange.judgement.rule = .ban
      }
    }
    guard !clients[id].origin.admission.isAudit else {
      counters.wouldRefuse &+= 1
      clients[id].exchange.judgement.verdict = .audit
      return nil
    }
    counters.requestsForbidden &+= 1
    refusedSources.note(client ?? clients[id].address)
    // Who hides behind a trusted proxy without a name can't be told from its other clients.
    if let client,
      client != clients[id].address || access.trustedProxies?.allows(client, at: time) != true
    {
      tellRefused(client, id)
    }
    return .forbidden
  }

  /// Tells the control thread of a request that was refused, but not more often than it can count.
  mutating func tellRefused(_ client: IPAddress, _ id: SlotID) {
    if now - refusalsSince >= 1000 {
      refusalsSince = now
      refusals = 0
    }
    refusals += 1
    guard refusals <= Self.refusalsPerSecond else { return }
    log(.refusedRequest(client: client, listener: clients[id].origin.name))
  }

  private static var refusalsPerSecond: Int { 1000 }

  // MARK: Bans

  /// Bans, and ends what is open from there.
  mutating func ban(_ client: IPAddress, until: Int64) {
    bans.add(client, until: until, at: Clock.unixSeconds())
    let banned = client.banned
    for id in clients.ids() where clients[id].phase != .closed {
      if clients[id].address.banned == banned || clients[id].exchange.client?.banned == banned
        || clients[id].balancer?.banned == banned
      {
        abort(client: id, .banned)
      }
    }
  }

  /// After a new generation, before anything of it is counted.
  mutating func findListenersAgain() {
    for id in clients.ids() {
      let name = clients[id].origin.name
      clients[id].origin.index = snapshot.listeners.firstIndex { $0.name == name }
    }
  }

  /// After a new generation: its rules for requests hold on open connections, too, and those whom it
  /// does not let in lose theirs. The certificates stay those that a connection was made under; what
  /// a host asks of its clients is asked anew.
  mutating func askAccessAnew() {
    let time = Clock.unixSeconds()
    for id in clients.ids() where clients[id].phase != .closed {
      guard let index = clients[id].origin.index else {
        clients[id].origin.isGone = true
        clients[id].origin.newest = nil
        continue
      }
      let listener = snapshot.listeners[index]
      let admission = listener.admission
      clients[id].origin.admission = admission
      clients[id].origin.stream = listener.stream
      clients[id].origin.newest = selectors[listener.name]
      guard admission.closesRefused, !admission.isAudit, !isStillAllowed(id, admission, at: time)
      else { continue }
      counters.connectionsRefused &+= 1
      abort(client: id, .policyChanged)
    }
  }
}

extension Worker {
  /// Whether a connection would be let in again, and what it asks for just now.
  private func isStillAllowed(_ id: SlotID, _ admission: Admission, at time: Int64) -> Bool {
    let address = clients[id].address
    guard admission.access?.allows(address, at: time) ?? true else { return false }
    if let balancer = clients[id].balancer, let access = admission.access,
      !access.allows(balancer, at: time)
    {
      return false
    }
    guard let requests = admission.requests, let asked = clients[id].exchange.asked else {
      return true
    }
    return requests.allows(
      clients[id].exchange.client ?? address, host: asked.host.span, path: asked.path.span,
      at: time)
  }
}

extension [UInt8] {
  fileprivate init(_ bytes: Span<UInt8>) {
    self.init()
    reserveCapacity(bytes.count)
    for index in bytes.indices { append(bytes[index]) }
  }
}

extension IPAddress {
  /// An address alone, `[2001:db8::1]`, or an IPv4 address with a port; an IPv4-mapped address is IPv4.
  init?(parsing bytes: Span<UInt8>) {
    guard bytes.count <= 47 else { return nil }
    var text = String(copying: bytes)
    if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
      text = String(text[text.index(after: text.startIndex)..<end])
    } else if text.filter({ $0 == ":" }).count == 1 {
      text = String(text.prefix { $0 != ":" })
    }
    var four = in_addr()
    var six = in6_addr()
    if unsafe inet_pton(AF_INET, text, &four) == 1 {
      self = .ipv4(UInt32(bigEndian: four.s_addr))
    } else if unsafe inet_pton(AF_INET6, text, &six) == 1 {
      let bits = unsafe withUnsafeBytes(of: &six) { unsafe $0.loadUnaligned(as: UInt128.self) }
      let number = UInt128(bigEndian: bits)
      self = number >> 32 == 0xffff ? .ipv4(UInt32(truncatingIfNeeded: number)) : .ipv6(number)
    } else {
      return nil
    }
  }
}
