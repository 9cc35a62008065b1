internal import Configuration
internal import Foundation
internal import Proxy

/// Who asks over the admin socket, as the kernel says, and what he may do.
struct AdminCaller {
  let peer: PeerCredentials
  let role: AdminRole

  init?(_ peer: PeerCredentials?, _ roles: AdminRoles) {
    guard let peer else { return nil }
    self.peer = peer
    role = roles.role(of: peer, owner: geteuid())
  }

  var name: String { Self.userName(peer.user) ?? "uid \(peer.user)" }

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

/// A request to the admin socket, with what its path names.
struct AdminRequest {
  let caller: AdminCaller
  let parts: [String]
  let query: String
  let body: [UInt8]
  let ifMatch: String?

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
