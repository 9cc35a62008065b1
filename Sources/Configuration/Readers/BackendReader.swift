import Firewall
import Names
import Proxy

/// Reads `backends`.
enum BackendReader {
  static let serverLimit = 1000

  static func read(_ file: MapReader, _ names: NameBook) -> [ProxyConfiguration.Backend] {
    file.names(FileFields.backends).map { read($0, names, file.problems) }
  }

  /// A backend that is wrong still counts by its name, so that its routes are not wrong, too.
  private static func read(
    _ pair: YAMLValue.Pair, _ names: NameBook, _ problems: Problems
  ) -> ProxyConfiguration.Backend {
    var backend = ProxyConfiguration.Backend(name: pair.key, servers: [])
    let label = "backend \"\(pair.key)\""
    guard let map = MapReader(pair.value, BackendFields.section, label: label, problems)
    else { return backend }
    let found = servers(map)
    backend.servers = found.flatMap { servers($0, names, problems) }
    BalanceReader.read(map, &backend)
    MySQLReader.read(map, &backend)
    HealthReader.read(map, &backend)
    backend.host = map.text(BackendFields.host).flatMap { host(map, $0) }
    backend.tls = tls(map, found)
    if backend.tls != nil, backend.mysql != nil {
      problems.error(
        map.keyPlace(BackendFields.tls) ?? map.place,
        "tls\(map.inLabel) speaks TLS from the first byte, which MySQL does not; write mysql: "
          + "{ tls: ... } for the checks; clients bring their own to the servers")
    }
    backend.announcement = map.choice(BackendFields.proxyProtocol).map {
      $0 == "v1" ? .version1 : .version2
    }
    return backend
  }

  private struct Found {
    var server: ProxyConfiguration.Server
    /// Nil when it is an address.
    var hostName: String?
    var place: SourcePlace
    var label: String
  }

  private static func servers(_ map: MapReader) -> [Found] {
    guard let value = map[BackendFields.servers] else { return [] }
    var found: [Found?]
    switch value.content {
    case .list(let items):
      found = items.enumerated().map { server("s\($0.offset + 1)", $0.element, map) }
    case .map where value.unquotedAddress == nil:
      found = map.names(BackendFields.servers).map { server($0.key, $0.value, map) }
    case .map, .scalar, .nothing:
      return map.refuse(value, BackendFields.servers, "is no list") ?? []
    }
    if found.count > serverLimit {
      map.problems.error(
        value.place, "\(found.count) servers\(map.inLabel); at most \(serverLimit)")
      found = []
    } else if found.isEmpty {
      map.problems.error(value.place, "no servers\(map.inLabel); write at least one")
    }
    return found.compactMap(\.self)
  }

  private static func server(_ name: String, _ value: YAMLValue, _ map: MapReader) -> Found? {
    let label = "server \"\(name)\" of \(map.label)"
    guard case .map = value.content, value.unquotedAddress == nil else {
      return server(name, value, weight: 1, label, map.problems)
    }
    guard let details = MapReader(value, ServerFields.section, label: label, map.problems)
    else { return nil }
    let weight = details.integer(ServerFields.weight) ?? 1
    var found = details[ServerFields.address].flatMap {
      server(name, $0, weight: weight, label, map.problems)
    }
    found?.server.tier = details.integer(ServerFields.tier) ?? 0
    found?.server.role = details.choice(ServerFields.role).flatMap { ServerRole(rawValue: $0) }
    found?.server.limit = details.integer(ServerFields.limit)
    return found
  }

  private static func server(
    _ name: String, _ value: YAMLValue, weight: Int, _ label: String, _ problems: Problems
  ) -> Found? {
    guard let text = value.text("the address of \(label)", problems) else { return nil }
    switch AddressText.parse(text) {
    case (.address(let address), let port)?:
      let server = ProxyConfiguration.Server(
        name: name, address: SocketAddress(address, port: port), weight: weight)
      return Found(server: server, place: value.place, label: label)
    case (.name(let host), let port)?:
      // Where it is, is asked when all of the server has been read.
      var server = ProxyConfiguration.Server(
        name: name, address: .ipv4(0, port: port), weight: weight)
      server.hostName = host
      return Found(server: server, hostName: host, place: value.place, label: label)
    case (.all, _)?, nil:
      problems.error(
        value.place, "\(label): \(value.kind) is wrong; allowed: \(ServerFields.address.allowed)")
    }
    return nil
  }

  /// One for each address of its name.
  private static func servers(
    _ found: Found, _ names: NameBook, _ problems: Problems
  ) -> [ProxyConfiguration.Server] {
    guard let name = found.hostName else { return [found.server] }
    do throws(NameResolver.Failure) {
      let known = try names.addresses(of: name)
      if let failure = known.failure {
        problems.warning(
          found.place,
          "\(found.label): cannot resolve \"\(name)\": \(failure); it stays at \(known.text)")
      }
      return found.server.servers(at: known.addresses)
    } catch {
      problems.error(
        found.place, "\(found.label): cannot resolve \"\(name)\": \(error.text)")
      return []
    }
  }

  private static func host(_ map: MapReader, _ text: String) -> String? {
    let hasPort = AddressText.parse(text).map { $0.host != .all } ?? false
    if hasPort || HostName.checked(text) != nil || AddressText.address(text) != nil { return text }
    guard let value = map[BackendFields.host] else { return nil }
    return map.refuse(value, BackendFields.host, "is no host")
  }

  private static func tls(_ map: MapReader, _ servers: [Found]) -> ProxyConfiguration.UpstreamTLS? {
    guard let value = map[BackendFields.tls] else { return nil }
    switch value.content {
    case .scalar("false"): return nil
    case .scalar("true"):
      return serverName(map, nil, servers).map { ProxyConfiguration.UpstreamTLS(serverName: $0) }
    case .map where value.unquotedAddress == nil: break
    case .scalar, .list, .nothing, .map:
      return map.refuse(value, BackendFields.tls, "is wrong")
    }
    let label = "tls of \(map.label)"
    guard let details = MapReader(value, UpstreamTLSFields.section, label: label, map.problems)
    else { return nil }
    let verify = details.boolean(UpstreamTLSFields.verify) ?? true
    let authorities = authorities(details)
    guard let name = serverName(map, details, servers, isNeeded: verify) else { return nil }
    var tls = ProxyConfiguration.UpstreamTLS(serverName: name)
    tls.verify = verify
    tls.authoritiesPEM = authorities
    return tls
  }

  private static func serverName(
    _ map: MapReader, _ details: MapReader?, _ servers: [Found], isNeeded: Bool = true
  ) -> String? {
    if let details, let value = details[UpstreamTLSFields.serverName] {
      guard let text = details.text(UpstreamTLSFields.serverName) else { return nil }
      return HostName.checked(text)
        ?? details.refuse(value, UpstreamTLSFields.serverName, "is no host name")
    }
    let names = Set(servers.map(\.hostName))
    if names.count == 1, let name = names.first ?? nil { return name }
    guard isNeeded, !servers.isEmpty else { return "" }
    let why = names == [nil] ? "addresses, not names" : "of several names"
    map.problems.error(
      map.keyPlace(BackendFields.tls) ?? map.place,
      "tls\(map.inLabel): its servers are \(why); "
        + "write tls: { server_name: NAME } with the name in their certificate")
    return nil
  }

  /// What `ca` names; nil without one, and where it has been refused.
  static func authorities(_ details: MapReader) -> [UInt8]? {
    let field = UpstreamTLSFields.ca
    guard let path = details.path(field), let place = details[field]?.place else { return nil }
    do throws(FileReader.Failure) {
      let bytes = try FileReader.read(path, limit: 1 << 20).bytes
      if String(decoding: bytes, as: UTF8.self).contains("CERTIFICATE-----") { return bytes }
      details.problems.error(place, "no CERTIFICATE in \"\(path.shortened)\"; it must be PEM")
    } catch {
      details.problems.error(place, "cannot read \"\(path.shortened)\": \(error.text)")
    }
    return nil
  }
}
