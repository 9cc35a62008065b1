internal import COpenSSL

/// The random key that session tickets are sealed with: one for all workers, never on disk, so a
/// session begun at one worker resumes at another.
public struct TicketKey: Sendable {
  private let bytes: [UInt8]

  /// Nil when the system gives no randomness: no key is better than a guessable one
  /// (nginx CVE-2026-97629).
  public init?() {
    var bytes = [UInt8](repeating: 0, count: 80)  // name 16, HMAC 32, AES 32
    let answer = unsafe bytes.withUnsafeMutableBufferPointer {
      unsafe RAND_priv_bytes($0.baseAddress, Int32($0.count))
    }
    guard answer == 1, bytes.contains(where: { $0 != 0 }) else { return nil }
    self.bytes = bytes
  }

  func install(in context: borrowing TLSContext) -> Bool {
    var copy = bytes
    return unsafe copy.withUnsafeMutableBytes {
      unsafe gatehouse_SSL_CTX_set_tlsext_ticket_keys(context.pointer, $0.baseAddress, $0.count)
        == 1
    }
  }
}
