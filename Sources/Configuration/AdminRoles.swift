public import Proxy

/// What somebody may do over the admin socket; each may do all that those before may.
public enum AdminRole: String, Sendable, Codable, CaseIterable, Comparable {
  case viewer, `operator`, admin

  public static func < (a: AdminRole, b: AdminRole) -> Bool { a.rank < b.rank }

  private var rank: Int {
    switch self {
    case .viewer: 0
    case .operator: 1
    case .admin: 2
    }
  }
}

/// Who has which role, by the numbers that the kernel tells of a Unix socket's other end.
public struct AdminRoles: Sendable, Equatable {
  public var users: [UInt32: AdminRole] = [:]
  public var groups: [UInt32: AdminRole] = [:]

  public init() {}

  /// The highest he has; whoever may open the socket may look.
  public func role(of peer: PeerCredentials, owner: UInt32) -> AdminRole {
    if peer.user == 0 || peer.user == owner { return .admin }
    let all = [users[peer.user]] + ([peer.group] + peer.groups).map { groups[$0] }
    return all.compactMap(\.self).max() ?? .viewer
  }
}
