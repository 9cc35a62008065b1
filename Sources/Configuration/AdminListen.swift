public import Proxy

/// Where the admin API answers over TCP, under which names, and to whom.
public struct AdminListen: Sendable, Equatable {
  public var addresses: [SocketAddress] = []
  /// Plain HTTP when nil.
  public var certificateFolder: String?
  public var certificates: [ProxyConfiguration.Certificate] = []
  /// Values of Host beside those of the addresses: `host`, or `host:port`, in lower case.
  public var names: [String] = []
  /// SHA-256 of each token; the token itself is kept nowhere.
  public var tokens: [AdminRole: [UInt8]] = [:]
  public var clientAuth: ClientAuth?
  /// By a name in a certificate, such as `*.staff.test`.
  public var certificateRoles: [CertificateRole] = []

  public struct CertificateRole: Sendable, Equatable {
    public var name: String
    public var role: AdminRole
  }

  public init() {}

  public var isTLS: Bool { certificateFolder != nil }

  /// What Host may say, in lower case, a port that the scheme implies left out.
  public var hosts: Set<String> {
    var hosts: Set<String> = []
    for bound in addresses {
      let isEverywhere = bound.address == .ipv4(0) || bound.address == .ipv6(0)
      var own = bound.address.map { isEverywhere ? [] : [$0.urlText] } ?? []
      if isEverywhere || bound.address?.isLoopback == true {
        own += ["localhost", "127.0.0.1", "[::1]"]
      }
      for host in own + names {
        let hasPort = host.last != "]" && host.contains(":")
        hosts.insert(
          Self.authority(hasPort ? host : "\(host):\(bound.port)", isTLS: isTLS))
      }
    }
    return hosts
  }

  /// The highest role of the certificate's names, and the name that has it: whose limits and whose line
  /// in the audit log it is. Nil where none of them has one.
  public func role(of certificate: ClientNames) -> (role: AdminRole, name: String)? {
    certificateRoles.compactMap { wanted in
      certificate.name(matching: wanted.name).map { (role: wanted.role, name: $0) }
    }.max { $0.role < $1.role }
  }

  /// As hosts are compared: `localhost:443` over TLS is `localhost`.
  public static func authority(_ text: String, isTLS: Bool) -> String {
    let text = text.lowercased()
    for end in [":", isTLS ? ":443" : ":80"] where text.hasSuffix(end) {
      return String(text.dropLast(end.count))
    }
    return text
  }
}
