import CNftables
import Glibc

/// A device whose other end is this program: what is written to it, the kernel receives.
struct TunnelDevice: ~Copyable {
  private let descriptor: Int32
  private static let name = "sim0"

  /// Up, and with the addresses that packets are sent to.
  init() throws(FirewallKernelError) {
    descriptor = unsafe open("/dev/net/tun", O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { throw .socket(attempted: "open /dev/net/tun", errno: errno) }
    try Self.attach(descriptor)
    // Sources are anybody's, so no route leads back to them.
    Self.write("0", to: "ipv4/conf/all/rp_filter")
    Self.write("0", to: "ipv4/conf/\(Self.name)/rp_filter")
    Self.write("0", to: "ipv6/conf/\(Self.name)/accept_dad")
    Self.write("1000000", to: "netfilter/nf_conntrack_max")
    try Self.bringUp()
  }

  deinit { close(descriptor) }

  func write(_ bytes: [UInt8]) throws(FirewallKernelError) {
    guard unsafe Glibc.write(descriptor, bytes, bytes.count) == bytes.count || errno == EINVAL
    else { throw .socket(attempted: "put a packet into the namespace", errno: errno) }
  }

  /// `struct ifreq` of <net/if.h>: a name of 16 bytes, then what is asked or told.
  private static func request(_ body: [UInt8]) -> [UInt8] {
    let name = Array(Self.name.utf8)
    let bytes = name + [UInt8](repeating: 0, count: 16 - name.count) + body
    return bytes + [UInt8](repeating: 0, count: max(0, 40 - bytes.count))
  }

  private static func attach(_ descriptor: Int32) throws(FirewallKernelError) {
    // IFF_TUN | IFF_NO_PI
    var flags: [UInt8] = []
    flags.append(0x1001, byteCount: 2, order: .host)
    var request = request(flags)
    guard unsafe ioctl(descriptor, UInt(gatehouse_TUNSETIFF()), &request) == 0 else {
      throw .socket(attempted: "make a tunnel device", errno: errno)
    }
  }

  private static func bringUp() throws(FirewallKernelError) {
    let four = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    let six = socket(AF_INET6, Int32(SOCK_DGRAM.rawValue), 0)
    defer {
      close(four)
      close(six)
    }
    var up: [UInt8] = []
    // IFF_UP | IFF_RUNNING
    up.append(0x41, byteCount: 2, order: .host)
    try call(four, UInt(SIOCSIFADDR), address(PacketBytes.ipv4Destination), "give it an address")
    try call(four, UInt(SIOCSIFFLAGS), request(up), "bring it up")
    // `struct in6_ifreq` of <linux/ipv6.h>: address, prefix length, index.
    var sixRequest: [UInt8] = []
    sixRequest.append(PacketBytes.ipv6Destination, byteCount: 16, order: .network)
    sixRequest.append(128, byteCount: 4, order: .host)
    sixRequest.append(unsafe if_nametoindex(name), byteCount: 4, order: .host)
    try call(six, UInt(SIOCSIFADDR), sixRequest, "give it an IPv6 address")
  }

  private static func address(_ bits: UInt32) -> [UInt8] {
    var body: [UInt8] = []
    body.append(UInt16(AF_INET), byteCount: 2, order: .host)
    body += [0, 0]
    body.append(bits, byteCount: 4, order: .network)
    return request(body)
  }

  private static func call(
    _ descriptor: Int32, _ number: UInt, _ bytes: [UInt8], _ what: String
  ) throws(FirewallKernelError) {
    var bytes = bytes
    guard unsafe ioctl(descriptor, number, &bytes) == 0 else {
      throw .socket(attempted: "\(what) (the tunnel device)", errno: errno)
    }
  }

  private static func write(_ text: String, to name: String) {
    let file = unsafe open("/proc/sys/net/\(name)", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    _ = unsafe Glibc.write(file, text, text.utf8.count)
    close(file)
  }
}
