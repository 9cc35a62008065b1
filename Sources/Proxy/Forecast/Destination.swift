/// What becomes of a request that may be asked for over its connection.
enum Destination {
  case route(Int)
  case refuse(Reply)
}

/// Pure, and asked by the worker for each request as by who explains one.
extension Snapshot {
  /// `host` as it came, without the port; `path` normalised.
  @inline(__always)
  func destination(
    host: Span<UInt8>, path: Span<UInt8>, framing: BodyFraming, over selector: CertificateSelector?
  ) -> Destination {
    guard let route = routing.lookup(host: host, path: path) else { return .refuse(.noRoute) }
    // A route without a host takes every host that the connection's certificates name; HTTP/1.0 may
    // come without one.
    if routes[route].isForAnyHost, !host.isEmpty, selector?.covers(host: host) == false {
      return .refuse(.misdirected)
    }
    if case .length(let count) = framing, count > routes[route].bodyLimit {
      return .refuse(.contentTooLarge)
    }
    return .route(route)
  }
}

extension Snapshot.Backend {
  /// What a request wants of its server, and whether it writes; `path` normalised.
  func wish(
    _ head: borrowing RequestHead, _ bytes: Span<UInt8>, path: Span<UInt8>, client: IPAddress
  ) -> (wish: Balancer.Wish, isWrite: Bool) {
    var wish = Balancer.Wish()
    wish.key = affinity.key(head, bytes, client: client)
    wish.stuckTo = affinity.member(head, bytes)
    guard let split else { return (wish, false) }
    let isRead = split.isRead(bytes.extracting(head.methodText))
    let readsAnywhere =
      isRead && !split.isExcepted(path) && !split.isPinned(head, bytes, at: Clock.unixSeconds())
    wish.role = readsAnywhere ? .replica : .primary
    wish.fallsBackToPrimary = readsAnywhere
    return (wish, !isRead)
  }
}

extension RequestAccess {
  /// The client's address: of the connection, or as trusted proxies in front tell it; nil when what
  /// they tell can't be read.
  func client(
    from peer: IPAddress, _ head: borrowing RequestHead, _ bytes: Span<UInt8>, at time: Int64
  ) -> IPAddress? {
    guard let trusted = trustedProxies, trusted.allows(peer, at: time) else { return peer }
    // Each proxy adds at the end whom it got the request from: from there on back to the first that
    // nobody trusts.
    var furthest = peer
    for field in head.fields.reversed() where field.known == .forwarding {
      guard bytes.extracting(field.name).isEqual("x-forwarded-for") else { continue }
      for token in Self.tokens(bytes.extracting(field.value)).reversed() {
        guard let address = IPAddress(parsing: bytes.extracting(field.value).extracting(token))
        else { return nil }
        guard trusted.allows(address, at: time) else { return address }
        furthest = address
      }
    }
    return furthest
  }

  private static func tokens(_ list: Span<UInt8>) -> [ByteRange] {
    var tokens: [ByteRange] = []
    var position = 0
    while let token = FieldValue.nextToken(list, &position) { tokens.append(token) }
    return tokens
  }
}
