/// Of whom a listener asks a certificate, host by host; for a host that is not named, and for who
/// names none, what holds for the listener in general.
struct ClientTerms {
  let general: ClientVerifier?
  /// Nil: nobody is asked.
  private var verifiers: [ClientVerifier?] = []
  private var exact = HostTable()
  private var suffix = HostTable()

  init(_ settings: ProxyConfiguration.TLS, of listener: String) throws(TLSContextError) {
    let subject = "client_auth of listener \"\(listener)\""
    var made: [(settings: ClientAuth, verifier: ClientVerifier)] = []
    func verifier(_ settings: ClientAuth?) throws(TLSContextError) -> ClientVerifier? {
      guard let settings else { return nil }
      if let known = made.first(where: { $0.settings == settings }) { return known.verifier }
      let new = try ClientVerifier(settings, of: subject)
      made.append((settings, new))
      return new
    }
    general = try verifier(settings.clientAuth)
    for host in settings.hosts {
      let index = verifiers.count
      verifiers.append(try verifier(host.clientAuth))
      switch host.host {
      case .any: continue
      case .exact(let name): _ = exact.insert(HostTable.key(name.utf8), index)
      case .suffix(let name): _ = suffix.insert(HostTable.key(name.utf8), index)
      }
    }
  }

  /// Nobody is asked for anything.
  var isEmpty: Bool { general == nil && verifiers.allSatisfy { $0 == nil } }

  /// When the first list or authority runs out, Unix time.
  var goodUntil: Int64 { ((verifiers + [general]).compactMap { $0?.goodUntil }).min() ?? .max }

  /// Exact before wildcard, one label only, letters of either case and a last dot alike: as the
  /// certificates are chosen.
  func verifier(for host: Span<UInt8>) -> ClientVerifier? {
    let name = HostTable.withoutLastDot(host)
    if let index = exact.find(name) { return verifiers[index] }
    if let parent = HostTable.parent(of: name), let index = suffix.find(parent) {
      return verifiers[index]
    }
    return general
  }
}
