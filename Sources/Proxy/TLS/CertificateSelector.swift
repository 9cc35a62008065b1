internal import COpenSSL

/// Picks the certificate for a client of one listener, and whether he must show one of his own,
/// before any session may be resumed.
///
/// Exact before wildcard, one label only; a name no certificate bears gets the named default, else
/// `unrecognized_name`. Without a name: the certificate that names the address, then the same.
@safe final class CertificateSelector {
  /// What a hello has asked for.
  enum Choice {
    /// A certificate, for this name (empty where none came); the client must meet the terms where
    /// there are some.
    case certificate(ClientVerifier?, name: [UInt8])
    /// The proof for an authority that validates a name (RFC 8737): no request may follow.
    case challenge
  }

  /// Only listens for the hello.
  private let base: TLSContext
  private let contexts: [TLSContext]
  private let sets: CertificateSets
  private let fallback: Int?
  private let terms: ClientTerms
  let sealer: TicketSealer
  let challenges: LiveChallenges
  /// The socket whose handshake runs now; its own address is asked for only where no name came.
  private var currentSocket: Int32 = -1
  private var takesOnlyChallenges = false
  private var choice: Choice?

  init(
    _ settings: ProxyConfiguration.TLS, keys: TicketKeys, challenges: LiveChallenges,
    of listener: String
  ) throws(TLSContextError) {
    guard let sealer = TicketSealer(keys) else {
      throw TLSContextError("session tickets", OpenSSLError.takeLast().reason)
    }
    var sets = try CertificateSets(settings.certificates)
    fallback = settings.defaultCertificate.flatMap { name in
      settings.certificates.firstIndex { $0.name == name }.map { sets.makeSet(with: $0) }
    }
    var contexts: [TLSContext] = []
    for set in sets.sets {
      let context = try TLSContext(listener: settings, sealer: sealer)
      for index in set { try context.use(settings.certificates[index]) }
      contexts.append(context)
    }
    base = try TLSContext(listener: settings, sealer: sealer)
    terms = try ClientTerms(settings, of: listener)
    self.sealer = sealer
    self.challenges = challenges
    self.sets = sets
    self.contexts = contexts
    unsafe SSL_CTX_set_client_hello_cb(
      base.pointer, selectCertificate, Unmanaged.passUnretained(self).toOpaque())
  }

  /// A stream for an accepted connection.
  func accept(over buffers: borrowing CipherBuffers) -> TLSStream? {
    .accepting(base, over: buffers)
  }

  /// Says whose handshake the next step belongs to.
  func prepare(for socket: borrowing Socket, onlyChallenges: Bool) {
    currentSocket = socket.number
    takesOnlyChallenges = onlyChallenges
  }

  /// What the hello asked for, if it came in the last step of a handshake.
  func takeChoice() -> Choice? {
    let taken = choice
    choice = nil
    return taken
  }

  /// Whether a request for this host, without its port, may come over this listener.
  func covers(host: Span<UInt8>) -> Bool { fallback != nil || sets.find(host) != nil }

  /// Whether a request for this host may come over a connection that was begun under these terms:
  /// only where its own host asks for the very same (Traefik CVE-2026-48491).
  func allows(host: Span<UInt8>, over verifier: ClientVerifier?) -> Bool {
    guard verifier != nil || !terms.isEmpty else { return true }
    return terms.verifier(for: host)?.identity == verifier?.identity
  }

  /// The same of a connection that has just been begun with a hello for this name.
  func allows(host: Span<UInt8>, afterHelloFor name: Span<UInt8>) -> Bool {
    allows(host: host, over: name.isEmpty ? terms.general : terms.verifier(for: name))
  }

  /// What a hello for this name would get, or without one to this address: certificates, and whose the
  /// client must show; nil when it would be refused. For explanations, which have no handshake.
  func offer(
    for name: Span<UInt8>, to address: IPAddress?
  ) -> (certificates: [Int], isFallback: Bool, verifier: ClientVerifier?)? {
    let own = name.isEmpty ? address.flatMap { sets.addresses[$0] } : sets.find(name)
    guard let index = own ?? fallback else { return nil }
    let verifier = name.isEmpty ? terms.general : terms.verifier(for: name)
    return (sets.sets[index], own == nil, verifier)
  }

  /// By which name each certificate can be asked for.
  var probes: [CertificateSets.Probe] { sets.probes }

  /// Answers the hello callback: 1 to go on, 0 to refuse with `alert`.
  fileprivate func select(for ssl: OpaquePointer, alert: UnsafeMutablePointer<Int32>?) -> Int32 {
    var extensionBytes: UnsafePointer<UInt8>?
    var count = 0
    let found = unsafe SSL_client_hello_get0_ext(
      ssl, UInt32(TLSEXT_TYPE_server_name), &extensionBytes, &count)
    var set: Int?
    var verifier: ClientVerifier?
    var asked: [UInt8] = []
    if found == 1, let bytes = unsafe extensionBytes {
      let span = unsafe Span(_unsafeStart: bytes, count: count)
      guard let name = ServerNameExtension.hostName(in: span) else {
        return unsafe refuse(with: SSL_AD_DECODE_ERROR, alert)
      }
      if let context = unsafe challenges.context(for: name, asked: ssl) {
        choice = .challenge
        unsafe SSL_set_SSL_CTX(ssl, context.pointer)
        // Options stay those of the connection: it has no key to seal a ticket with.
        unsafe SSL_set_options(ssl, gatehouse_SSL_OP_NO_TICKET)
        guard unsafe SSL_set_num_tickets(ssl, 0) == 1 else {
          return unsafe refuse(with: SSL_AD_INTERNAL_ERROR, alert)
        }
        return SSL_CLIENT_HELLO_SUCCESS
      }
      set = sets.find(name)
      verifier = terms.verifier(for: name)
      asked = [UInt8](copying: name)
    } else {
      if let address = Socket.localAddress(of: currentSocket) { set = sets.addresses[address] }
      verifier = terms.general
    }
    guard !takesOnlyChallenges, let index = set ?? fallback else {
      return unsafe refuse(with: SSL_AD_UNRECOGNIZED_NAME, alert)
    }
    unsafe SSL_set_SSL_CTX(ssl, contexts[index].pointer)
    if let verifier, unsafe !verifier.prepare(ssl) {
      return unsafe refuse(with: SSL_AD_INTERNAL_ERROR, alert)
    }
    choice = .certificate(verifier, name: asked)
    return SSL_CLIENT_HELLO_SUCCESS
  }

  private func refuse(with code: Int32, _ alert: UnsafeMutablePointer<Int32>?) -> Int32 {
    unsafe alert?.pointee = code
    return SSL_CLIENT_HELLO_ERROR
  }
}

private let selectCertificate:
  @convention(c) (
    OpaquePointer?, UnsafeMutablePointer<Int32>?, UnsafeMutableRawPointer?
  ) -> Int32 = { ssl, alert, context in
    guard let ssl = unsafe ssl, let context = unsafe context else { return SSL_CLIENT_HELLO_ERROR }
    return unsafe Unmanaged<CertificateSelector>.fromOpaque(context).takeUnretainedValue()
      .select(for: ssl, alert: alert)
  }

/// The server_name extension (RFC 6066, section 3): one list with one host_name.
enum ServerNameExtension {
  @_lifetime(copy bytes)
  static func hostName(in bytes: Span<UInt8>) -> Span<UInt8>? {
    guard bytes.count >= 5, bytes.count == 2 + number(bytes, at: 0), bytes[2] == 0 else {
      return nil
    }
    let count = number(bytes, at: 3)
    guard count > 0, bytes.count == 5 + count else { return nil }
    let name = bytes.extracting(5..<5 + count)
    for index in name.indices where name[index] == 0 { return nil }
    return name
  }

  private static func number(_ bytes: Span<UInt8>, at index: Int) -> Int {
    Int(bytes[index]) << 8 | Int(bytes[index + 1])
  }
}
