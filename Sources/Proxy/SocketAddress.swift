/// An IPv4 or IPv6 address, or the path of a Unix socket, with a port where there is one.
public enum SocketAddress: Sendable, Hashable {
  case ipv4(UInt32, port: UInt16)
  case ipv6(UInt128, port: UInt16)
  case unix(path: String)
}

/// An address without a port; IPv4-mapped IPv6 is always folded into IPv4 (Go CVE-2024-24790).
public enum IPAddress: Sendable, Hashable {
  case ipv4(UInt32)
  case ipv6(UInt128)
}
