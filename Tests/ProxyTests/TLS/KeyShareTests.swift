import COpenSSL
import Testing

@testable import Proxy

/// Shares for X25519, beside those that OpenSSL makes itself.
@Suite struct KeyShareTests {
  init() { HandshakeProvider.install() }

  private static let own = "?provider=gatehouse"
  private static let openSSL = "provider=default"

  private static func array(_ bytes: KeyShare.Bytes) -> [UInt8] { (0..<32).map { bytes[$0] } }

  /// The public key that OpenSSL's own code makes of a secret.
  private static func share(of secret: [UInt8]) -> [UInt8]? {
    guard
      let key = unsafe EVP_PKEY_new_raw_private_key_ex(nil, "X25519", openSSL, secret, secret.count)
    else { return nil }
    defer { unsafe EVP_PKEY_free(key) }
    return unsafe raw(key, isPublic: true)
  }

  private static func raw(_ key: OpaquePointer, isPublic: Bool) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 32)
    var count = 32
    let isDone =
      unsafe isPublic
      ? EVP_PKEY_get_raw_public_key(key, &bytes, &count)
      : EVP_PKEY_get_raw_private_key(key, &bytes, &count)
    return isDone == 1 && count == 32 ? bytes : nil
  }

  /// OpenSSL gave nothing.
  private struct Lack: Error {}

  /// A pair of keys as OpenSSL is asked for it in a handshake.
  @safe private final class Pair {
    private let key: OpaquePointer
    private let query: String

    init(_ query: String) throws {
      self.query = query
      guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, "X25519", query) else {
        throw Lack()
      }
      defer { unsafe EVP_PKEY_CTX_free(context) }
      var made: OpaquePointer?
      try #require(unsafe EVP_PKEY_keygen_init(context) == 1)
      try #require(unsafe EVP_PKEY_CTX_set_group_name(context, "x25519") == 1)
      try #require(unsafe EVP_PKEY_CTX_set_group_name(context, "x448") != 1)
      try #require(unsafe EVP_PKEY_generate(context, &made) == 1)
      guard let key = unsafe made else { throw Lack() }
      unsafe self.key = key
    }

    deinit { unsafe EVP_PKEY_free(key) }

    var secret: [UInt8]? { unsafe raw(key, isPublic: false) }
    var share: [UInt8]? { unsafe raw(key, isPublic: true) }

    /// What both know in the end.
    func shared(with other: Pair) throws -> [UInt8] {
      let point = try #require(other.share)
      guard
        let peer = unsafe EVP_PKEY_new_raw_public_key_ex(nil, "X25519", query, point, point.count)
      else { throw Lack() }
      defer { unsafe EVP_PKEY_free(peer) }
      guard let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, key, query) else { throw Lack() }
      defer { unsafe EVP_PKEY_CTX_free(context) }
      try #require(unsafe EVP_PKEY_derive_init(context) == 1)
      try #require(unsafe EVP_PKEY_derive_set_peer(context, peer) == 1)
      var secret = [UInt8](repeating: 0, count: 32)
      var count = 32
      try #require(unsafe EVP_PKEY_derive(context, &secret, &count) == 1)
      return secret
    }
  }

  /// RFC 7748, section 5.2: the first iteration begins at the base point.
  @Test func `the RFC's first iteration`() {
    #expect(KeyShare.knowsTheAnswers)
    let share = KeyShare.publicKey(of: KeyShare.clamped(KeyShare.bytes([9, 0, 0, 0])))
    #expect(Self.array(share).prefix(8) == [0x42, 0x2c, 0x8e, 0x7a, 0x62, 0x27, 0xd7, 0xbc])
  }

  @Test func `for whatever secret OpenSSL makes the same share`() throws {
    var secrets: [[UInt64]] = [[0, 0, 0, 0], [.max, .max, .max, .max]]
    // A digit of each value at each place, and what carries from digit to digit.
    for digit in 1...15 as ClosedRange<UInt64> {
      secrets.append([UInt64](repeating: digit &* 0x1111_1111_1111_1111, count: 4))
      for place in 0..<64 {
        var words: [UInt64] = [0, 0, 0, 0]
        words[place / 16] = digit << (4 * UInt64(place % 16))
        secrets.append(words)
        secrets.append(words.map { ~$0 })
      }
    }
    for _ in 0..<2000 { secrets.append((0..<4).map { _ in .random(in: .min ... .max) }) }
    for words in secrets {
      let secret = KeyShare.bytes(words)
      let share = KeyShare.publicKey(of: KeyShare.clamped(secret))
      let expected = try #require(Self.share(of: Self.array(secret)))
      #expect(Self.array(share) == expected, "\(words)")
    }
  }

  @Test func `numbers have one form, and an inverse`() {
    let modulus = FieldElement(
      words: (0xffff_ffff_ffff_ffed, .max, .max, 0x7fff_ffff_ffff_ffff))
    #expect(modulus.words == (0, 0, 0, 0))
    #expect((modulus + .one).words == (1, 0, 0, 0))
    #expect((FieldElement.zero - .one).words == (0xffff_ffff_ffff_ffec, .max, .max, .max >> 1))
    #expect(FieldElement.zero.inverse.words == (0, 0, 0, 0))
    // As large as limbs come to be before a product.
    let large: UInt64 = (1 << 54) - 1
    let most = FieldElement(large, large, large, large, large)
    #expect((most * most).words == (most.carried * most.carried).words)
    for _ in 0..<500 {
      let number = FieldElement(
        words: (
          .random(in: 1 ... .max), .random(in: .min ... .max), .random(in: .min ... .max),
          .random(in: .min ... .max)
        ))
      #expect((number * number.inverse).words == (1, 0, 0, 0))
      #expect(number.squared.words == (number * number).words)
    }
  }

  @Test(.enabled(if: HandshakeProvider.isMadeForThis))
  func `listeners make their keys with it, and exchange them`() throws {
    #expect(KeyShare.providers(forQuery: HandshakeProvider.query) == ["gatehouse", "gatehouse"])
    #expect(KeyShare.providers(forQuery: Self.openSSL) == ["default", "default"])
    let (one, other) = (try Pair(Self.own), try Pair(Self.own))
    let theirs = try Pair(Self.openSSL)
    let secret = try #require(one.secret)
    #expect(one.share == Self.share(of: secret))
    #expect(secret != other.secret)
    #expect(try one.shared(with: other) == other.shared(with: one))
    #expect(try one.shared(with: theirs) == theirs.shared(with: one))
  }
}
