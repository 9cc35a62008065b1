internal import Glibc

/// Numbers that spread well; nothing secret depends on them.
enum Hashing {
  /// FNV-1a, and a mixer.
  static func hash(_ bytes: Span<UInt8>) -> UInt64 {
    var state: UInt64 = 0xcbf2_9ce4_8422_2325
    for index in bytes.indices { state = (state ^ UInt64(bytes[index])) &* 0x100_0000_01b3 }
    return mix(state)
  }

  static func hash(_ address: IPAddress) -> UInt64 {
    switch address {
    case .ipv4(let bits): mix(UInt64(bits))
    case .ipv6(let bits):
      mix(UInt64(truncatingIfNeeded: bits) ^ mix(UInt64(truncatingIfNeeded: bits >> 64)))
    }
  }

  /// splitmix64's.
  static func mix(_ number: UInt64) -> UInt64 {
    var mixed = number &+ 0x9e37_79b9_7f4a_7c15
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// Exponentially distributed, drawn from a key and a seed: above 0.
  static func exponential(_ key: UInt64, _ seed: UInt64) -> Double {
    let bits = mix(key ^ seed) >> 11
    return -log((Double(bits) + 0.5) / 0x1p53)
  }
}

/// Random numbers for choices that nobody gains from guessing.
struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    return Hashing.mix(state)
  }
}
