import COpenSSL
import Testing

@testable import Proxy

@Suite(.enabled(if: HandshakeProvider.isMadeForThis, "needs OpenSSL 3.0 without FIPS"))
struct KernelRandomTests {
  init() { HandshakeProvider.install() }

  @Test func `OpenSSL's random bytes are the kernel's`() {
    #expect(KernelRandom.isInstalled)
    #expect(RAND_status() == 1)
  }

  /// Around what the kernel gives at once, and at the ends.
  @Test(arguments: [0, 1, 255, 256, 257, 512, 100_000])
  func `as many bytes are filled as were asked for, and none behind them`(_ count: Int) {
    for isPrivate in [false, true] {
      var bytes = [UInt8](repeating: 0xa5, count: count + 64)
      let status =
        unsafe isPrivate
        ? RAND_priv_bytes(&bytes, Int32(count)) : RAND_bytes(&bytes, Int32(count))
      #expect(status == 1)
      #expect(bytes.suffix(64).allSatisfy { $0 == 0xa5 })
      // A piece of 32 bytes that was left as it was: one of 2^256.
      for start in stride(from: 0, to: count - 31, by: 32) {
        #expect(bytes[start..<start + 32].contains { $0 != 0xa5 })
      }
    }
  }

  @Test func `no two are the same, and a count below nothing is refused`() {
    var seen: Set<[UInt8]> = []
    for _ in 0..<1000 {
      var bytes = [UInt8](repeating: 0, count: 16)
      let status = unsafe RAND_bytes(&bytes, 16)
      #expect(status == 1)
      seen.insert(bytes)
    }
    #expect(seen.count == 1000)
    let refused = [RAND_bytes(nil, -1), RAND_bytes(nil, 16)]
    #expect(!refused.contains(1))
  }
}
