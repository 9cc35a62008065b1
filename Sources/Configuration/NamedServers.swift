public import Names
public import Proxy

extension ProxyConfiguration.Server {
  /// One for each address of its name; with several, each is called by its address, too.
  func servers(at addresses: [IPAddress]) -> [Self] {
    guard addresses.count > 1 else {
      return addresses.map { at($0, called: writtenName) }
    }
    return addresses.map { at($0, called: "\(writtenName)@\($0)") }
  }

  /// As the file calls it: no name in a file has an `@`.
  private var writtenName: String { String(name.prefix { $0 != "@" }) }

  private func at(_ address: IPAddress, called name: String) -> Self {
    var server = self
    server.name = name
    server.address = SocketAddress(address, port: self.address.port)
    return server
  }
}

extension ProxyConfiguration {
  /// The same with the servers of these names at other addresses.
  public func moving(_ names: [String: [IPAddress]]) -> ProxyConfiguration {
    var configuration = self
    for index in backends.indices {
      var done: Set<String> = []
      configuration.backends[index].servers = backends[index].servers.flatMap { server in
        guard let name = server.hostName, let addresses = names[name], !addresses.isEmpty
        else { return [server] }
        let moved = server.servers(at: addresses)
        guard let first = moved.first?.name.prefix(while: { $0 != "@" }),
          done.insert(String(first)).inserted
        else { return [] }
        return moved
      }
    }
    return configuration
  }

  /// Backends with a server of this name.
  public func backends(using name: String) -> [String] {
    backends.filter { $0.servers.contains { $0.hostName == name } }.map(\.name)
  }
}

extension ResolvedName {
  /// Asks again; what is known stays where only a part of it was answered.
  public func again(
    _ resolver: NameResolver, within limit: Duration
  ) throws(NameResolver.Failure) -> ResolvedName {
    let answer = try resolver.addresses(of: name, within: limit)
    var found = ResolvedName(answer, name)
    if answer.isPartial, let one = found.addresses.first {
      // Of the family that nobody answered for, what was known still holds.
      found.addresses =
        one.isIPv4
        ? found.addresses + addresses.filter { !$0.isIPv4 }
        : addresses.filter(\.isIPv4) + found.addresses
    }
    return found
  }
}

extension IPAddress {
  fileprivate var isIPv4: Bool {
    switch self {
    case .ipv4: true
    case .ipv6: false
    }
  }
}
