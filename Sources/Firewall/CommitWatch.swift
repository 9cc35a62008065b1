import CNftables
import Glibc

/// Hears of every commit in this network namespace, and whose it was.
///
/// Asked later, the kernel answers with the generation and the process that asks: who wrote it tells
/// only to those who listen meanwhile (docs/decisions/011-who-changed-the-rules.md).
public struct CommitWatch: ~Copyable {
  /// Its bit among a socket's groups.
  public static let group: UInt32 = 1 << (NFNLGRP_NFTABLES.rawValue - 1)

  private let socket: NetlinkSocket
  private var isPaused = false

  /// From now on. Needs CAP_NET_ADMIN.
  public init() throws(FirewallKernelError) {
    let socket = try NetlinkSocket()
    try socket.hear(NFT_MSG_NEWGEN)
    try socket.join(NFNLGRP_NFTABLES, true)
    self.socket = socket
  }

  /// Becomes readable with the next commit.
  public var descriptor: Int32 { socket.number }

  /// Those since the last call, oldest first; where there were too many, some are missing.
  public func commits() throws(FirewallKernelError) -> [FirewallKernel.Commit] {
    var commits: [FirewallKernel.Commit] = []
    while let messages = try socket.receive(waits: false) {
      commits += messages.compactMap { FirewallKernel.Commit($0.attributes) }
    }
    return commits
  }

  /// Hears no more of what these bans commit: to read that took as long as half a ban.
  public func ignore(_ bans: borrowing KernelBans) throws(FirewallKernelError) {
    try socket.hear(NFT_MSG_NEWGEN, notFrom: bans.port)
  }

  /// For whoever listens, the kernel makes a message of every element of every commit: loads of long
  /// lists take half as long again.
  public mutating func pause() throws(FirewallKernelError) {
    guard !isPaused else { return }
    try socket.join(NFNLGRP_NFTABLES, false)
    isPaused = true
  }

  public mutating func resume() throws(FirewallKernelError) {
    try socket.join(NFNLGRP_NFTABLES, true)
    isPaused = false
  }
}

extension FirewallKernel {
  /// A change of any table of this namespace, and whose it was.
  public struct Commit: Sendable, Equatable {
    /// The kernel's count of them.
    public var generation: UInt32
    public var process: Int32
    public var name: String

    /// As in NFT_MSG_NEWGEN.
    init?(_ attributes: NetlinkAttributes) {
      guard let number = attributes.integer(NFTA_GEN_ID.rawValue) else { return nil }
      generation = UInt32(truncatingIfNeeded: number)
      process = Int32(truncatingIfNeeded: attributes.integer(NFTA_GEN_PROC_PID.rawValue) ?? 0)
      name = attributes.string(NFTA_GEN_PROC_NAME.rawValue) ?? "?"
    }
  }

  /// The kernel's count of changes of any table of this namespace.
  public static func generation() throws(FirewallKernelError) -> UInt32 {
    try NetlinkSocket().generation()
  }
}
