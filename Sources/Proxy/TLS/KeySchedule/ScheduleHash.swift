internal import COpenSSL

/// One of the two hashes of TLS 1.3's cipher suites, by OpenSSL's own code and without a search for
/// it among the providers.
protocol ScheduleHash {
  init()
  /// Bytes that the hash takes at once.
  static var blockCount: Int { get }
  /// Bytes of its result.
  static var digestCount: Int { get }
  /// The hash of nothing, which the schedule needs between two stages.
  static var ofNothing: [UInt8] { get }

  @unsafe mutating func begin() -> Bool
  @unsafe mutating func add(_ bytes: UnsafeRawBufferPointer) -> Bool
  /// Writes `digestCount` bytes.
  @unsafe mutating func end(into digest: UnsafeMutablePointer<UInt8>) -> Bool
}

extension SHA256_CTX: ScheduleHash {
  static var blockCount: Int { 64 }
  static var digestCount: Int { 32 }
  static let ofNothing = hashOfNothing(Self.self)

  @unsafe mutating func begin() -> Bool { unsafe gatehouse_SHA256_Init(&self) == 1 }
  @unsafe mutating func add(_ bytes: UnsafeRawBufferPointer) -> Bool {
    unsafe gatehouse_SHA256_Update(&self, bytes.baseAddress, bytes.count) == 1
  }
  @unsafe mutating func end(into digest: UnsafeMutablePointer<UInt8>) -> Bool {
    unsafe gatehouse_SHA256_Final(digest, &self) == 1
  }
}

/// As SHA-384, which is SHA-512 from another start and cut short.
extension SHA512_CTX: ScheduleHash {
  static var blockCount: Int { 128 }
  static var digestCount: Int { 48 }
  static let ofNothing = hashOfNothing(Self.self)

  @unsafe mutating func begin() -> Bool { unsafe gatehouse_SHA384_Init(&self) == 1 }
  @unsafe mutating func add(_ bytes: UnsafeRawBufferPointer) -> Bool {
    unsafe gatehouse_SHA384_Update(&self, bytes.baseAddress, bytes.count) == 1
  }
  @unsafe mutating func end(into digest: UnsafeMutablePointer<UInt8>) -> Bool {
    unsafe gatehouse_SHA384_Final(digest, &self) == 1
  }
}

private func hashOfNothing<Hash: ScheduleHash>(_: Hash.Type) -> [UInt8] {
  var hash = Hash()
  var digest = [UInt8](repeating: 0, count: Hash.digestCount)
  let isDone = unsafe digest.withUnsafeMutableBufferPointer { digest in
    guard let start = digest.baseAddress else { return false }
    return unsafe hash.begin() && hash.end(into: start)
  }
  return isDone ? digest : []
}

extension ScheduleHash {
  /// HMAC (RFC 2104) into `digestCount` bytes; false for a key longer than a block, which TLS 1.3
  /// has not. Nothing secret stays on the stack.
  @unsafe static func authenticate(
    _ message: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer,
    into digest: UnsafeMutablePointer<UInt8>
  ) -> Bool {
    guard key.count <= blockCount else { return false }
    var hash = Self()
    return unsafe withUnsafeTemporaryAllocation(byteCount: blockCount, alignment: 16) { pad in
      defer {
        unsafe OPENSSL_cleanse(pad.baseAddress, pad.count)
        unsafe withUnsafeMutableBytes(of: &hash) {
          unsafe OPENSSL_cleanse($0.baseAddress, $0.count)
        }
      }
      unsafe pad.initializeMemory(as: UInt8.self, repeating: 0)
      unsafe pad.copyMemory(from: key)
      for index in 0..<blockCount { unsafe pad[index] ^= 0x36 }
      guard unsafe hash.begin() && hash.add(UnsafeRawBufferPointer(pad)) && hash.add(message),
        unsafe hash.end(into: digest)
      else { return false }
      for index in 0..<blockCount { unsafe pad[index] ^= 0x36 ^ 0x5c }
      let inner = unsafe UnsafeRawBufferPointer(start: digest, count: digestCount)
      return unsafe hash.begin() && hash.add(UnsafeRawBufferPointer(pad)) && hash.add(inner)
        && hash.end(into: digest)
    }
  }
}
