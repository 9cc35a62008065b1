internal import Glibc

/// Where a server listens; names are resolved by whoever knows them.
public enum DatabaseAddress: Sendable, Hashable {
  case ipv4(UInt32, port: UInt16)
  case ipv6(UInt128, port: UInt16)
  case unix(path: String)

  public static func loopback(port: UInt16) -> DatabaseAddress { .ipv4(0x7f00_0001, port: port) }

  /// As the kernel takes it; nil for a path that is too long.
  var socketAddress: (family: Int32, bytes: [UInt8])? {
    switch self {
    case .ipv4(let bits, let port):
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = bits.bigEndian
      return (AF_INET, unsafe withUnsafeBytes(of: &address) { unsafe Array($0) })
    case .ipv6(let bits, let port):
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      let big = bits.bigEndian
      unsafe withUnsafeMutableBytes(of: &address.sin6_addr) { target in
        unsafe withUnsafeBytes(of: big) { unsafe target.copyMemory(from: $0) }
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
