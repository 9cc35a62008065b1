internal import CLinux
internal import Glibc

/// Who is at the other end of a Unix socket, as the kernel says; whatever he claims himself.
public struct PeerCredentials: Sendable, Equatable {
  public var process: Int32
  public var user: UInt32
  public var group: UInt32
  /// His other groups; those past `groupLimit` count for nothing.
  public var groups: [UInt32]

  public init(process: Int32, user: UInt32, group: UInt32, groups: [UInt32] = []) {
    self.process = process
    self.user = user
    self.group = group
    self.groups = groups
  }

  /// Linux lets a process have 65,536; nobody's are needed that far.
  static let groupLimit = 1024

  init?(of socket: Int32) {
    // `struct ucred` of <sys/socket.h>: process, user, group.
    var credentials: [UInt32] = [0, 0, 0]
    guard Self.read(socket, SO_PEERCRED, &credentials) == 3 else { return nil }
    var groups = [UInt32](repeating: 0, count: Self.groupLimit)
    let count = Self.read(socket, Self.peerGroups, &groups) ?? 0
    self.init(
      process: Int32(bitPattern: credentials[0]), user: credentials[1], group: credentials[2],
      groups: Array(groups.prefix(count)))
  }

  /// SO_PEERGROUPS of <asm-generic/socket.h>.
  private static let peerGroups: Int32 = 59

  /// How many numbers the kernel gave.
  private static func read(_ socket: Int32, _ option: Int32, _ numbers: inout [UInt32]) -> Int? {
    let width = MemoryLayout<UInt32>.size
    var size = socklen_t(numbers.count * width)
    let answer = unsafe numbers.withUnsafeMutableBytes {
      unsafe getsockopt(socket, SOL_SOCKET, option, $0.baseAddress, &size)
    }
    return answer == 0 ? min(numbers.count, Int(size) / width) : nil
  }
}
