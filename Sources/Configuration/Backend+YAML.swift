internal import Firewall
internal import Foundation
internal import Proxy

/// Reads `backends`.
struct BackendReader {
  let base: URL
  let problems: Problems

  func read(_ value: YAMLValue) -> [ProxyConfiguration.Backend] {
    value.named("a map of backends").compactMap { key, name, value in
      guard let map = value.map(Settings.backend) else { return nil }
      _ = map.choice("balance")
      guard let servers = map["servers"] else {
        key.error("backend \"\(name)\" has no servers; for example: servers: [10.0.0.11:8080]")
        return nil
      }
      let read = self.servers(servers)
      var backend = ProxyConfiguration.Backend(name: name, servers: read.map(\.server))
      backend.host = host(map)
      backend.tls = tls(map, host: read.first?.host)
      if read.isEmpty { servers.error("backend \"\(name)\" has no servers") }
      return backend
    }
  }

  private typealias ReadServer = (server: ProxyConfiguration.Server, host: String)

  private func servers(_ value: YAMLValue) -> [ReadServer] {
    guard value.isMap else {
      return value.list().enumerated().compactMap { index, item in
        item.text("HOST:PORT").flatMap { server("s\(index + 1)", $0, item) }
      }
    }
    return value.named("a map of servers").compactMap { key, name, value in
      guard value.isMap else { return value.text("HOST:PORT").flatMap { server(name, $0, value) } }
      guard let map = value.map(Settings.server) else { return nil }
      guard let address = map["address"], let text = map.text("address") else {
        key.error("server \"\(name)\" has no address; for example: address: 10.0.0.11:8080")
        return nil
      }
      guard var found = server(name, text, address) else { return nil }
      if let weight = map.integer("weight") { found.server.weight = weight }
      return found
    }
  }

  private func server(_ name: String, _ text: String, _ value: YAMLValue) -> ReadServer? {
    guard let (host, port) = AddressText.split(text), !host.isEmpty, port > 0 else {
      value.error(
        "\"\(text)\" is no HOST:PORT; for example: 10.0.0.11:8080, app.internal:80, \"[::1]:80\"")
      return nil
    }
    guard let address = AddressText.resolve(host, port: port) else {
      value.error(
        "\"\(host)\" does not resolve to an address; check the name, or write the address")
      return nil
    }
    return (ProxyConfiguration.Server(name: name, address: address), host)
  }

  private func host(_ map: YAMLMap) -> String? {
    guard let host = map.text("host") else { return nil }
    guard HeaderText.isHost(host) else {
      map["host"]?.error("\"\(host)\" is no host name")
      return nil
    }
    return host
  }

  private func tls(_ map: YAMLMap, host: String?) -> ProxyConfiguration.UpstreamTLS? {
    guard let value = map["tls"] else { return nil }
    // A server's name is what its certificate must bear; an address stands for itself.
    var tls = ProxyConfiguration.UpstreamTLS(serverName: host ?? "")
    guard value.isMap else { return map.flag("tls") == true ? tls : nil }
    guard let settings = value.map(Settings.upstreamTLS) else { return nil }
    if let name = settings.text("server_name") { tls.serverName = name }
    if settings.flag("verify") == false {
      tls.verify = false
      problems.warn(
        "\(value.place): warning: verify: false lets anybody between us and the servers read and change everything"
      )
    }
    if let path = settings.text("ca") {
      tls.authoritiesPEM = FileBytes.read(
        URL(fileURLWithPath: path, relativeTo: base).path, limit: 4 << 20, problems)
    }
    return tls
  }
}

/// What may stand in a header.
enum HeaderText {
  static func isHost(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 261
      && text.utf8.allSatisfy {
        $0 >= 0x30 && $0 <= 0x3a || $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a
          || [0x2d, 0x2e, 0x5b, 0x5d, 0x5f].contains($0)
      }
  }

  static func isName(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 128
      && text.utf8.allSatisfy {
        $0 >= 0x30 && $0 <= 0x39 || $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a || $0 == 0x2d
      }
  }

  static func isValue(_ text: String) -> Bool {
    text.utf8.count <= 4096 && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
  }
}
