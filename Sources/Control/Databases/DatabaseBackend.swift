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
}

extension DatabaseLogin {
  /// Reads the account's password file.
  public init(_ account: ProxyConfiguration.MySQL.Account) throws(PasswordFile.Failure) {
    self.init(user: account.user, password: try PasswordFile.read(account.passwordFile))
  }
}
