public import Configuration
public import Databases
public import Proxy

extension DatabaseAddress {
  /// Where a server of a backend listens.
  public init(_ address: SocketAddress) {
    switch address {
    case .ipv4(let bits, let port): self = .ipv4(bits, port: port)
    case .ipv6(let bits, let port): self = .ipv6(bits, port: port)
    case .unix(let path): self = .unix(path: path)
    }
  }

  /// By its name, too, where the file has one: its certificate must bear it.
  public init(_ server: ProxyConfiguration.Server) {
    self.init(server.address)
    hostName = server.hostName
  }
}

extension DatabaseTLS {
  public convenience init(_ tls: ProxyConfiguration.MySQL.TLS) {
    self.init(
      verifies: tls.verify, authoritiesPEM: tls.authoritiesPEM, serverName: tls.serverName)
  }
}

extension DatabaseLogin {
  /// Reads the account's password file.
  public init(_ account: ProxyConfiguration.MySQL.Account) throws(PasswordFile.Failure) {
    self.init(user: account.user, password: try PasswordFile.read(account.passwordFile))
  }
}
