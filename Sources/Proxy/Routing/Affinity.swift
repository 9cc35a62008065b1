/// What ties a request to a server: its key for a backend that hashes, or the client's cookie.
struct Affinity {
  private let hashKey: ProxyConfiguration.Balance.HashKey?
  /// Of the header or cookie that is hashed.
  private let keyName: [UInt8]
  let cookieName: [UInt8]
  /// By member; empty without a sticky cookie.
  private let tags: [UInt64]

  init(_ backend: ProxyConfiguration.Backend, _ sealer: CookieSealer) {
    hashKey = if case .hash(let key) = backend.balance { key } else { nil }
    keyName =
      switch hashKey {
      case .header(let name), .cookie(let name): Array(name.utf8)
      case .address, nil: []
      }
    cookieName = Array((backend.sticky?.cookie ?? "").utf8)
    tags =
      backend.sticky == nil
      ? []
      : backend.servers.map { sealer.tag(of: ServerID(backend: backend.name, server: $0.name)) }
  }

  var isSticky: Bool { !cookieName.isEmpty }

  /// Nil where the backend does not hash, or the request has nothing to hash.
  func key(
    _ head: borrowing RequestHead, _ bytes: Span<UInt8>, client: IPAddress
  ) -> UInt64? {
    switch hashKey {
    case nil: return nil
    case .address: return Hashing.hash(client)
    case .cookie:
      return RequestCookies.value(of: keyName.span, head, bytes)
        .map { Hashing.hash(bytes.extracting($0)) }
    case .header:
      for index in head.fields.indices
      where FieldValue.isSameName(keyName.span, bytes.extracting(head.fields[index].name)) {
        return Hashing.hash(bytes.extracting(head.fields[index].value))
      }
      return nil
    }
  }

  /// The member that the client's cookie names.
  func member(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) -> Int? {
    guard isSticky, let range = RequestCookies.value(of: cookieName.span, head, bytes),
      let tag = bytes.extracting(range).hexadecimal
    else { return nil }
    return tags.firstIndex(of: tag)
  }

  /// A cookie that keeps its client with this member; a shared cache must not keep it for others.
  func setCookie(_ member: Int, isTLS: Bool) -> [UInt8] {
    guard tags.indices.contains(member) else { return [] }
    let name = String(decoding: cookieName, as: UTF8.self)
    let secure = isTLS ? "; Secure" : ""
    return Array(
      """
      Set-Cookie: \(name)=\(tags[member].hexadecimal); Path=/; HttpOnly; SameSite=Lax\(secure)\r
      Cache-Control: private\r

      """.utf8)
  }
}
