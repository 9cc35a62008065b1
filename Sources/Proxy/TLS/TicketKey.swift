internal import COpenSSL

/// A random key that session tickets are sealed with; only ever in memory.
public struct TicketKey: Sendable, Equatable {
  /// What stands in front of a ticket, so that its key is found again.
  let name: [UInt8]
  let authentication: [UInt8]
  let encryption: [UInt8]

  static let nameCount = 16
  private static let secretCount = 32

  /// Nil when the system gives no randomness: no key is better than a guessable one
  /// (nginx CVE-2026-97629).
  public init?() {
    var bytes = [UInt8](repeating: 0, count: Self.nameCount + 2 * Self.secretCount)
    let answer = unsafe bytes.withUnsafeMutableBufferPointer {
      unsafe RAND_priv_bytes($0.baseAddress, Int32($0.count))
    }
    guard answer == 1 else { return nil }
    self.init(bytes)
  }

  /// Nil where a part is all zeros, as memory is that nobody filled.
  init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.nameCount + 2 * Self.secretCount else { return nil }
    let secrets = bytes.dropFirst(Self.nameCount)
    name = Array(bytes.prefix(Self.nameCount))
    authentication = Array(secrets.prefix(Self.secretCount))
    encryption = Array(secrets.suffix(Self.secretCount))
    guard [name, authentication, encryption].allSatisfy({ $0.contains { $0 != 0 } }) else {
      return nil
    }
  }
}
