internal import COpenSSL
internal import Glibc

/// What a server shows to a client that asks for a name, over a real handshake.
public struct ServedCertificate: Sendable {
  /// The kind of key a client asks for.
  public enum Ask: String, CaseIterable, Sendable {
    case ecdsa
    case rsa

    /// Signature schemes that leave the server this choice alone.
    fileprivate var schemes: String {
      switch self {
      case .ecdsa:
        "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512:ed25519:ed448"
      case .rsa:
        "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
          + "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:"
          + "rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512"
      }
    }
  }

  /// The chain in PEM as it was sent, in the server's order.
  public let chainPEM: [UInt8]
  /// `TLSv1.3`.
  public let version: String

  /// How long connecting and the handshake may take together.
  public static let timeLimit = Duration.seconds(10)

  /// Connects and shakes hands; nothing is verified here, that is what the gates are for.
  public static func fetch(
    host: String, port: UInt16, name: String, asking ask: Ask, timeLimit: Duration = timeLimit
  ) throws(CertificateError) -> ServedCertificate {
    let subject = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    let deadline = ContinuousClock.now + timeLimit
    let connection = try Connection(to: host, port: port, subject: subject, until: deadline)
    guard let context = unsafe SSL_CTX_new(TLS_client_method()) else {
      throw .openSSL(subject, "no memory")
    }
    defer { unsafe SSL_CTX_free(context) }
    guard unsafe gatehouse_SSL_CTX_set1_sigalgs_list(context, ask.schemes) == 1,
      let tls = unsafe SSL_new(context)
    else { throw .openSSL(subject, "cannot ask for \(ask.rawValue)") }
    defer { unsafe SSL_free(tls) }
    if case .dns(let name)? = ServerName(name) {
      _ = unsafe gatehouse_SSL_set_tlsext_host_name(tls, name)
    }
    guard unsafe SSL_set_fd(tls, connection.number) == 1 else {
      throw .openSSL(subject, "cannot begin")
    }
    while true {
      ERR_clear_error()
      let answer = unsafe SSL_connect(tls)
      if answer == 1 { break }
      switch unsafe SSL_get_error(tls, answer) {
      case SSL_ERROR_WANT_READ: try connection.wait(for: POLLIN, until: deadline)
      case SSL_ERROR_WANT_WRITE: try connection.wait(for: POLLOUT, until: deadline)
      default: throw .openSSL(subject, "no handshake with an \(ask.rawValue) certificate")
      }
    }
    return unsafe try read(tls, subject)
  }

  private static func read(
    _ tls: OpaquePointer, _ subject: String
  ) throws(CertificateError) -> ServedCertificate {
    guard let list = unsafe SSL_get_peer_cert_chain(tls) else {
      throw CertificateError(subject, "the server shows no certificate")
    }
    var pem: [UInt8] = []
    for index in 0..<(unsafe max(0, gatehouse_sk_X509_num(list))) {
      guard let one = unsafe gatehouse_sk_X509_value(list, index), unsafe X509_up_ref(one) == 1
      else { continue }
      pem += try unsafe X509Certificate(owning: one).pem()
    }
    let version = unsafe SSL_get_version(tls).map { unsafe String(cString: $0) }
    return ServedCertificate(chainPEM: pem, version: version ?? "TLS")
  }
}

/// A TCP connection that waits no longer than it may.
private struct Connection: ~Copyable {
  let number: Int32
  let subject: String

  init(
    to host: String, port: UInt16, subject: String, until deadline: ContinuousClock.Instant
  ) throws(CertificateError) {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    // The resolver's own timeouts bound this one (resolv.conf).
    guard unsafe getaddrinfo(host, String(port), &hints, &list) == 0 else {
      throw CertificateError(subject, "no address for this name")
    }
    defer { unsafe freeaddrinfo(list) }
    var failure = CertificateError(subject, "no address for this name")
    var next = unsafe list
    while let entry = unsafe next?.pointee {
      unsafe next = unsafe entry.ai_next
      let kind = unsafe entry.ai_socktype | Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
      let socket = unsafe Glibc.socket(entry.ai_family, kind, 0)
      guard socket >= 0 else { continue }
      do throws(CertificateError) {
        if unsafe connect(socket, entry.ai_addr, entry.ai_addrlen) != 0 {
          guard errno == EINPROGRESS else { throw .system(subject, "cannot connect") }
          try Self.wait(socket, for: POLLOUT, until: deadline, subject)
          var code: Int32 = 0
          var size = socklen_t(MemoryLayout<Int32>.size)
          unsafe getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &size)
          errno = code
          guard code == 0 else { throw .system(subject, "cannot connect") }
        }
        number = socket
        self.subject = subject
        return
      } catch {
        close(socket)
        failure = error
      }
    }
    throw failure
  }

  deinit { close(number) }

  func wait(
    for events: Int32, until deadline: ContinuousClock.Instant
  ) throws(CertificateError) {
    try Self.wait(number, for: events, until: deadline, subject)
  }

  private static func wait(
    _ socket: Int32, for events: Int32, until deadline: ContinuousClock.Instant, _ subject: String
  ) throws(CertificateError) {
    while true {
      let left = ContinuousClock.now.duration(to: deadline).components
      let milliseconds = left.seconds * 1_000 + left.attoseconds / 1_000_000_000_000_000
      guard milliseconds > 0 else {
        throw CertificateError(subject, "no answer within the time there is")
      }
      var item = pollfd(fd: socket, events: Int16(events), revents: 0)
      let count = unsafe poll(&item, 1, Int32(clamping: milliseconds))
      if count > 0 { return }
      guard count == 0 || errno == EINTR else { throw .system(subject, "cannot wait") }
    }
  }
}
