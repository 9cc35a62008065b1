import Testing

@testable import Proxy

/// On an OpenSSL that the provider was made for it has to be there; elsewhere nobody asks for it.
@Suite(.enabled(if: HandshakeProvider.isMadeForThis))
struct KeyScheduleTests {
  init() { HandshakeProvider.install() }

  private static let own = "?provider=gatehouse"
  private static let openSSL = "?provider=default"
  private static let digests = [("SHA2-256", 32), ("SHA2-384", 48)]

  @Test func `listeners are served by it, and OpenSSL's own is there too`() {
    #expect(HandshakeProvider.isLoaded)
    #expect(HandshakeProvider.name(forQuery: HandshakeProvider.query) == "gatehouse")
    #expect(HandshakeProvider.name(forQuery: Self.openSSL) == "default")
  }

  /// RFC 8448, section 3: a simple handshake, with SHA-256.
  @Test func `the secrets of the RFC's handshake`() {
    let early = ScheduleStep(digest: "SHA2-256", isExtract: true, count: 32)
      .derive(query: Self.own)
    #expect(
      early == Self.bytes("33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a"))
    let shared = Self.bytes("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d")
    let handshake = ScheduleStep(
      digest: "SHA2-256", isExtract: true, key: shared, salt: early, label: "derived", count: 32
    ).derive(query: Self.own)
    #expect(
      handshake == Self.bytes("1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac"))
    let main = ScheduleStep(
      digest: "SHA2-256", isExtract: true, salt: handshake, label: "derived", count: 32
    ).derive(query: Self.own)
    #expect(
      main == Self.bytes("18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919"))
    let server = Self.bytes("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
    let key = ScheduleStep(digest: "SHA2-256", key: server, label: "key", count: 16)
    #expect(key.derive(query: Self.own) == Self.bytes("3fce516009c21727d0f2e4e86ee403bc"))
    let vector = ScheduleStep(digest: "SHA2-256", key: server, label: "iv", count: 12)
    #expect(vector.derive(query: Self.own) == Self.bytes("5d313eb2671276ee13000b30"))
  }

  @Test func `whatever is asked, OpenSSL's own derives the same`() {
    var generator = SystemRandomNumberGenerator()
    func random(_ count: Int) -> [UInt8] {
      (0..<count).map { _ in .random(in: 0...255, using: &generator) }
    }
    for (digest, count) in Self.digests {
      for length in 0...249 where length < 40 || length % 19 == 0 {
        let label = String(repeating: "l", count: length)
        let expand = ScheduleStep(
          digest: digest, key: random(count), label: label,
          data: length % 3 == 0 ? nil : random(length % 65), count: length % count + 1)
        let expanded = expand.derive(query: Self.own)
        #expect(expanded != nil)
        #expect(expanded == expand.derive(query: Self.openSSL))
        let extract = ScheduleStep(
          digest: digest, isExtract: true, key: length % 2 == 0 ? nil : random(length),
          salt: length % 5 == 0 ? nil : random(count), label: label, count: count)
        let extracted = extract.derive(query: Self.own)
        #expect(extracted != nil)
        #expect(extracted == extract.derive(query: Self.openSSL))
      }
    }
  }

  @Test func `what no handshake asks is refused`() {
    let secret = [UInt8](repeating: 7, count: 32)
    let long = String(repeating: "l", count: 250)
    let refused = [
      ScheduleStep(digest: "SHA1", key: secret, label: "key", count: 16),
      ScheduleStep(digest: "", key: secret, label: "key", count: 16),
      // No secret, none of its length, a result of nothing and one longer than a digest.
      ScheduleStep(digest: "SHA2-256", label: "key", count: 16),
      ScheduleStep(
        digest: "SHA2-256", key: [UInt8](repeating: 7, count: 65), label: "key", count: 16),
      ScheduleStep(digest: "SHA2-256", key: secret, label: "key", count: 0),
      ScheduleStep(digest: "SHA2-256", key: secret, label: "key", count: 33),
      // A label and a context that have no room for their lengths.
      ScheduleStep(digest: "SHA2-256", key: secret, label: long, count: 16),
      ScheduleStep(
        digest: "SHA2-256", key: secret, label: "key", data: [UInt8](repeating: 7, count: 256),
        count: 16),
      ScheduleStep(
        digest: "SHA2-256", isExtract: true, key: secret, salt: secret, label: long, count: 32),
      ScheduleStep(digest: "SHA2-256", isExtract: true, key: secret, count: 31),
      ScheduleStep(digest: "SHA2-256", isExtract: true, key: secret, count: 33),
    ]
    for step in refused { #expect(step.derive(query: Self.own) == nil, "\(step)") }
  }

  private static func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = hexadecimal.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }
}
