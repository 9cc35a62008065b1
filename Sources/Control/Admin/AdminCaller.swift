internal import Configuration
internal import Foundation
internal import Proxy

/// Who asks, how that is known, and what he may do.
struct AdminCaller {
  enum Proof: Equatable {
    /// As the kernel says of a Unix socket's other end.
    case peer(PeerCredentials)
    case token, session
    /// By a name in his certificate.
    case certificate(String)
  }

  let proof: Proof
  let role: AdminRole
  /// The other end, where there is a network.
  var address: SocketAddress?

  init(_ proof: Proof, _ role: AdminRole, at address: SocketAddress? = nil) {
    self.proof = proof
    self.role = role
    self.address = address
  }

  init?(_ peer: PeerCredentials?, _ roles: AdminRoles) {
    guard let peer else { return nil }
    self.init(.peer(peer), roles.role(of: peer, owner: geteuid()))
  }

  var name: String {
    switch proof {
    case .peer(let peer): Self.userName(peer.user) ?? "uid \(peer.user)"
    case .token: "token \(role.rawValue)"
    case .session: "session \(role.rawValue)"
    case .certificate(let name): "certificate \(AuditLog.visible(name))"
    }
  }

  /// Tells him from all others, whatever he came with; a session counts as its token.
  var key: String {
    switch proof {
    case .peer(let peer): "uid \(peer.user)"
    case .token, .session: "token \(role.rawValue)"
    case .certificate(let name): "certificate \(name)"
    }
  }

  /// With where he is, as far as that is known.
  var text: String {
    if case .peer(let peer) = proof { return "\(name) (uid \(peer.user))" }
    return address.map { "\(name) (\($0))" } ?? name
  }

  var peer: PeerCredentials? { if case .peer(let peer) = proof { peer } else { nil } }

  private static func userName(_ number: UInt32) -> String? {
    var entry = unsafe passwd()
    var room = [CChar](repeating: 0, count: 16 << 10)
    var found: UnsafeMutablePointer<passwd>?
    guard unsafe getpwuid_r(number, &entry, &room, room.count, &found) == 0, unsafe found != nil,
      let name = unsafe entry.pw_name
    else { return nil }
    return unsafe String(cString: name)
  }
}

/// A request to the admin API, with what its path names.
struct AdminRequest {
  let caller: AdminCaller
  let parts: [String]
  let query: String
  let body: [UInt8]
  let ifMatch: String?
  /// What it takes, field by field.
  let accept: [String]

  /// The last part, say.
  subscript(_ index: Int) -> String { index < parts.count ? parts[index] : "" }

  var server: ServerID { ServerID(backend: self[2], server: self[3]) }

  var by: ServerCaller { ServerCaller(name: caller.name, ifMatch: ifMatch) }
}

/// Who changes something, and the state he believes it to be in.
struct ServerCaller {
  var name: String
  var ifMatch: String?

  /// Weak tags never match (RFC 9110, section 13.1.1).
  func check(_ tag: String) throws(ServerRefusal) {
    guard let ifMatch else { return }
    let tags = ifMatch.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    guard !tags.contains("*"), !tags.contains("\"\(tag)\"") else { return }
    throw ServerRefusal(
      412, "something changed in between: the ETag is \"\(tag)\" now; look again, then try again")
  }
}
