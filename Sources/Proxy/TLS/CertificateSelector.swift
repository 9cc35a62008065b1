internal import COpenSSL

/// Picks the certificate for a client of one listener, before any session may be resumed.
///
/// Exact before wildcard, one label only; a name no certificate bears gets the named default, else
/// `unrecognized_name`. Without a name: the certificate that names the address, then the same.
@safe final class CertificateSelector {
  /// Every certificate's context; the base, which only listens for the hello, is apart.
  private let base: TLSContext
  private let contexts: [TLSContext]
  /// Names in full; addresses too, as they are written in a URL.
  private let exact: HostTable
  private let wildcard: HostTable
  private let addresses: [IPAddress: Int]
  private let fallback: Int?
  /// The socket whose handshake runs now; its own address is asked for only where no name came.
  private var currentSocket: Int32 = -1

  init(_ settings: ProxyConfiguration.TLS, ticketKey: TicketKey) throws(TLSContextError) {
    base = try TLSContext(listener: settings, ticketKey: ticketKey)
    var contexts: [TLSContext] = []
    var exact = HostTable()
    var wildcard = HostTable()
    var addresses: [IPAddress: Int] = [:]
    for certificate in settings.certificates {
      let context = try TLSContext(listener: settings, ticketKey: ticketKey)
      let names = try context.use(certificate)
      // The first certificate that bears a name keeps it: the order is the reader's, by file name.
      for name in names.exact { _ = exact.insert(HostTable.key(name), contexts.count) }
      for name in names.wildcard { _ = wildcard.insert(HostTable.key(name), contexts.count) }
      for address in names.addresses where addresses[address] == nil {
        addresses[address] = contexts.count
        _ = exact.insert(HostTable.key(address.urlText.utf8), contexts.count)
      }
      contexts.append(context)
    }
    fallback = try Self.fallback(in: settings)
    self.contexts = contexts
    self.exact = exact
    self.wildcard = wildcard
    self.addresses = addresses
    unsafe SSL_CTX_set_client_hello_cb(
      base.pointer, selectCertificate, Unmanaged.passUnretained(self).toOpaque())
  }

  /// A stream for an accepted connection.
  func accept(over buffers: borrowing CipherBuffers) -> TLSStream? {
    .accepting(base, over: buffers)
  }

  /// Says whose handshake the next step belongs to.
  func prepare(for socket: borrowing Socket) { currentSocket = socket.number }

  /// Whether a request for this host, without its port, may come over this listener.
  func covers(host: Span<UInt8>) -> Bool { fallback != nil || context(for: host) != nil }

  private static func fallback(in settings: ProxyConfiguration.TLS) throws(TLSContextError) -> Int?
  {
    guard let name = settings.defaultCertificate else { return nil }
    guard let index = settings.certificates.firstIndex(where: { $0.name == name }) else {
      throw TLSContextError(name, "the default certificate is not among the listener's")
    }
    return index
  }

  private func context(for host: Span<UInt8>) -> Int? {
    let name = HostTable.withoutLastDot(host)
    if let index = exact.find(name) { return index }
    guard let parent = HostTable.parent(of: name) else { return nil }
    return wildcard.find(parent)
  }

  /// Answers the hello callback: 1 to go on, 0 to refuse with `alert`.
  fileprivate func select(for ssl: OpaquePointer, alert: UnsafeMutablePointer<Int32>?) -> Int32 {
    var extensionBytes: UnsafePointer<UInt8>?
    var count = 0
    let found = unsafe SSL_client_hello_get0_ext(
      ssl, UInt32(TLSEXT_TYPE_server_name), &extensionBytes, &count)
    var choice: Int?
    if found == 1, let bytes = unsafe extensionBytes {
      let span = unsafe Span(_unsafeStart: bytes, count: count)
      guard let name = ServerNameExtension.hostName(in: span) else {
        unsafe alert?.pointee = SSL_AD_DECODE_ERROR
        return SSL_CLIENT_HELLO_ERROR
      }
      choice = context(for: name)
    } else if let address = Socket.localAddress(of: currentSocket) {
      choice = addresses[address]
    }
    guard let index = choice ?? fallback else {
      unsafe alert?.pointee = SSL_AD_UNRECOGNIZED_NAME
      return SSL_CLIENT_HELLO_ERROR
    }
    unsafe SSL_set_SSL_CTX(ssl, contexts[index].pointer)
    return SSL_CLIENT_HELLO_SUCCESS
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
