import COpenSSL
import Glibc

@testable import Databases

/// Says what a test wrote, packet by packet, to one client; what the client sends is kept.
@safe final class StubServer: @unchecked Sendable {
  let port: UInt16
  private let listener: Int32
  private var thread = pthread_t()
  private let script: [Turn]
  private(set) var received: [[UInt8]] = []
  /// Once TLS has begun; of the serving thread.
  private var ssl: OpaquePointer?

  enum Turn {
    /// Sent as it is.
    case bytes([UInt8])
    /// In a packet with the next number.
    case packet([UInt8])
    /// Waits for a packet of the client.
    case listen
    /// Shakes hands as the server; from here on within TLS.
    case startTLS(StubCertificate)
    /// Keeps the connection open and says nothing.
    case silence
  }

  /// On a port of its own, or at a path.
  init(_ script: [Turn], path: String? = nil) {
    self.script = script
    (listener, port) = path.map { (Self.listen(at: $0), 0) } ?? Self.listen()
    let me = unsafe Unmanaged.passRetained(self).toOpaque()
    unsafe pthread_create(
      &thread, nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        unsafe Unmanaged<StubServer>.fromOpaque(argument).takeRetainedValue().serve()
        return nil
      }, me)
  }

  private static func listen() -> (Int32, UInt16) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = unsafe bind(listener, $0, size)
        _ = unsafe getsockname(listener, $0, &size)
      }
    }
    Glibc.listen(listener, 4)
    return (listener, UInt16(bigEndian: address.sin_port))
  }

  private static func listen(at path: String) -> Int32 {
    let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard let address = DatabaseAddress.unix(path: path).socketAddress else { return -1 }
    unsafe address.bytes.withUnsafeBytes { raw in
      guard let base = raw.baseAddress else { return }
      let pointer = unsafe base.assumingMemoryBound(to: sockaddr.self)
      _ = unsafe bind(listener, pointer, socklen_t(raw.count))
    }
    Glibc.listen(listener, 4)
    return listener
  }

  /// Until the script is at its end.
  func wait() {
    shutdown(listener, Int32(SHUT_RDWR))
    pthread_join(thread, nil)
    close(listener)
  }

  private func serve() {
    let client = accept(listener, nil, nil)
    guard client >= 0 else { return }
    defer { close(client) }
    defer {
      unsafe SSL_free(ssl)
      unsafe ssl = nil
    }
    var sequence: UInt8 = 0
    for turn in script {
      switch turn {
      case .bytes(let bytes): write(client, bytes)
      case .packet(let body):
        write(client, PacketAssembler.frame(body, sequence: sequence) ?? [])
        sequence &+= 1
      case .listen:
        guard let header = read(client, 4),
          let body = read(client, Int(header[0]) | Int(header[1]) << 8)
        else { return }
        received.append(body)
        sequence = header[3] &+ 1
      case .startTLS(let certificate):
        unsafe ssl = certificate.accept(client)
        guard unsafe ssl != nil else { return }
      case .silence:
        // Until the client is gone.
        _ = read(client, 1_000_000)
      }
    }
  }

  private func write(_ client: Int32, _ bytes: [UInt8]) {
    if let ssl = unsafe ssl {
      _ = unsafe SSL_write(ssl, bytes, Int32(bytes.count))
    } else {
      _ = unsafe send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }
  }

  private func read(_ client: Int32, _ count: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    while bytes.count < count {
      var piece = [UInt8](repeating: 0, count: count - bytes.count)
      let got: Int
      if let ssl = unsafe ssl {
        got = unsafe Int(SSL_read(ssl, &piece, Int32(piece.count)))
      } else {
        got = unsafe recv(client, &piece, piece.count, 0)
      }
      guard got > 0 else { return nil }
      bytes += piece.prefix(got)
    }
    return bytes
  }

  static let challenge = Array("abcdefgh0123456789AB".utf8)

  static func greeting(
    _ version: String = "8.0.36", plugin: String, offersTLS: Bool = true
  ) -> [UInt8] {
    var body: [UInt8] = [10] + Array(version.utf8) + [0] + [1, 0, 0, 0] + challenge.prefix(8) + [0]
    // Capabilities 0x000fffff, utf8mb4, a status, 21 bytes of challenge.
    body +=
      [0xff, offersTLS ? 0xff : 0xf7] + [45, 2, 0] + [0x0f, 0] + [21]
      + [UInt8](repeating: 0, count: 10)
    return body + challenge.dropFirst(8) + [0] + Array(plugin.utf8) + [0]
  }
}
