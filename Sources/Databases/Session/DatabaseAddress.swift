internal import Glibc

/// Where a server listens; names are resolved by whoever knows them.
public struct DatabaseAddress: Sendable, Hashable {
  // Two halves in place of a UInt128: functions with one in an optional got a misaligned stack slot
  // (Swift 6.3.1, debug, x86_64: a general protection fault in movaps).
  private enum Kind: Hashable {
    case ipv4(UInt32, port: UInt16)
    case ipv6(high: UInt64, low: UInt64, port: UInt16)
    case unix(path: String)
  }

  private let kind: Kind
  /// What the server is called, where it has a name; its certificate must bear it.
  public var hostName: String?

  public static func ipv4(_ bits: UInt32, port: UInt16) -> DatabaseAddress {
    DatabaseAddress(kind: .ipv4(bits, port: port))
  }

  public static func ipv6(_ bits: UInt128, port: UInt16) -> DatabaseAddress {
    let (high, low) = (UInt64(truncatingIfNeeded: bits >> 64), UInt64(truncatingIfNeeded: bits))
    return DatabaseAddress(kind: .ipv6(high: high, low: low, port: port))
  }

  public static func unix(path: String) -> DatabaseAddress {
    DatabaseAddress(kind: .unix(path: path))
  }

  public static func loopback(port: UInt16) -> DatabaseAddress { .ipv4(0x7f00_0001, port: port) }

  /// A socket on this machine, where nobody can listen.
  var isLocal: Bool { if case .unix = kind { true } else { false } }

  /// Four or sixteen bytes in network order; nil for a path.
  var ipBytes: [UInt8]? {
    switch kind {
    case .ipv4(let bits, _): unsafe withUnsafeBytes(of: bits.bigEndian) { unsafe Array($0) }
    case .ipv6(let high, let low, _):
      unsafe withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { unsafe Array($0) }
    case .unix: nil
    }
  }

  /// As the kernel takes it; nil for a path that is too long.
  var socketAddress: (family: Int32, bytes: [UInt8])? {
    switch kind {
    case .ipv4(let bits, let port):
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = bits.bigEndian
      return (AF_INET, unsafe withUnsafeBytes(of: &address) { unsafe Array($0) })
    case .ipv6(let high, let low, let port):
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      let halves = (high.bigEndian, low.bigEndian)
      unsafe withUnsafeMutableBytes(of: &address.sin6_addr) { target in
        unsafe withUnsafeBytes(of: halves) { unsafe target.copyMemory(from: $0) }
      }
      return (AF_INET6, unsafe withUnsafeBytes(of: &address) { unsafe Array($0) })
    case .unix(let path):
      let size = MemoryLayout<sockaddr_un>.size
      let family = unsafe withUnsafeBytes(of: sa_family_t(AF_UNIX)) { unsafe Array($0) }
      let bytes = family + Array(path.utf8)
      guard bytes.count < size else { return nil }
      return (AF_UNIX, bytes + [UInt8](repeating: 0, count: size - bytes.count))
    }
  }
}
