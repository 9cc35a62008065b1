internal import Firewall
internal import Foundation
internal import Proxy

/// A listener as it stands in the file; what depends on others is settled by `ListenerReader`.
struct ReadListener {
  var listener: ProxyConfiguration.Listener
  let redirects: YAMLValue?
  let place: SourcePlace
}

/// Reads `listeners`.
struct ListenerReader {
  let base: URL
  let problems: Problems
  private(set) var certificateFolders: [String] = []

  init(base: URL, problems: Problems) {
    self.base = base
    self.problems = problems
  }

  mutating func read(_ value: YAMLValue) -> [ReadListener] {
    var all: [ReadListener] = []
    for (key, name, value) in value.named("a map of listeners") {
      guard let map = value.map(Settings.listener) else { continue }
      let addresses = addresses(map)
      var listener = ProxyConfiguration.Listener(name: name, addresses: addresses)
      listener.tls = tls(map)
      let redirects = map.choice("redirect") == nil ? nil : map["redirect"]
      if redirects != nil, listener.tls != nil {
        map["redirect"]?.error("a listener with certificates is HTTPS already; take one out")
      }
      all.append(ReadListener(listener: listener, redirects: redirects, place: key.place))
    }
    if all.isEmpty {
      value.error(
        "no listener is named; for example: https: { bind: \":443\", certificates: certs/ }")
    }
    settleRedirects(&all)
    refuseRepeated(all)
    return all
  }

  private func addresses(_ map: YAMLMap) -> [SocketAddress] {
    guard let bind = map["bind"] else {
      map.value.error("bind is missing; for example: bind: \":443\"")
      return []
    }
    return bind.list().flatMap { item -> [SocketAddress] in
      guard let text = item.text("ADDRESS:PORT") else { return [] }
      guard let (host, port) = AddressText.split(text) else {
        item.error(
          "\"\(text)\" is no ADDRESS:PORT; allowed: \":443\", \"10.0.0.1:443\", \"[::1]:443\"")
        return []
      }
      if host.isEmpty { return [.ipv4(0, port: port), .ipv6(0, port: port)] }
      guard let address = AddressText.address(host, port: port) else {
        item.error(
          "\"\(host)\" is no address of this machine; allowed: an IPv4 address, or IPv6 in []")
        return []
      }
      return [address]
    }
  }

  private mutating func tls(_ map: YAMLMap) -> ProxyConfiguration.TLS? {
    var tls = ProxyConfiguration.TLS()
    if let settings = map["tls"].flatMap({ $0.map(Settings.tls) }) {
      if settings.choice("minimum") == "1.3" { tls.minimum = .tls13 }
      if let tickets = settings.integer("tickets") { tls.tickets = tickets }
    }
    guard let folder = map["certificates"], let path = map.text("certificates") else {
      for name in ["tls", "default_certificate"] where map[name] != nil {
        map[name]?.error("\(name) without certificates; add: certificates: certs/")
      }
      return nil
    }
    let url = URL(fileURLWithPath: path, relativeTo: base)
    certificateFolders.append(url.path)
    tls.certificates = CertificateFolder.read(url, at: folder.place, problems)
    if let name = map.text("default_certificate") {
      tls.defaultCertificate = name
      let names = tls.certificates.map(\.name)
      if !names.contains(name) {
        map["default_certificate"]?.error(
          "no certificate \"\(name)\" in \(path)\(Suggestion.text(for: name, among: names))")
      }
    }
    return tls
  }

  /// A redirect goes to the one port that serves HTTPS.
  private func settleRedirects(_ all: inout [ReadListener]) {
    let ports = Set(
      all.filter { $0.listener.tls != nil }.flatMap { $0.listener.addresses.map(\.port) })
    for index in all.indices {
      guard let value = all[index].redirects else { continue }
      guard let port = ports.first, ports.count == 1 else {
        value.error(
          ports.isEmpty
            ? "redirect: https, but no listener has certificates"
            : "redirect: https, but HTTPS is on several ports: \(ports.sorted())")
        continue
      }
      all[index].listener.redirectToHTTPSPort = port
    }
  }

  private func refuseRepeated(_ all: [ReadListener]) {
    var seen: [SocketAddress: String] = [:]
    for item in all {
      for address in item.listener.addresses {
        if let other = seen[address], address.port != 0 {
          problems.error(item.place, "\(address) is bound by listener \"\(other)\" too; keep one")
        }
        seen[address] = item.listener.name
      }
    }
  }
}

/// `HOST:PORT` and its parts.
enum AddressText {
  static func split(_ text: String) -> (host: String, port: UInt16)? {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...])
    else { return nil }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = String(host.dropFirst().dropLast())
      guard host.contains(":") else { return nil }
    } else if host.contains(":") {
      return nil
    }
    return (host, port)
  }

  static func address(_ host: String, port: UInt16) -> SocketAddress? {
    var four = in_addr()
    if unsafe inet_pton(AF_INET, host, &four) == 1 {
      return .ipv4(UInt32(bigEndian: four.s_addr), port: port)
    }
    var six = in6_addr()
    guard unsafe inet_pton(AF_INET6, host, &six) == 1 else { return nil }
    let bits = unsafe withUnsafeBytes(of: &six) { unsafe $0.loadUnaligned(as: UInt128.self) }
    return .ipv6(UInt128(bigEndian: bits), port: port)
  }

  /// The first address of a name.
  static func resolve(_ host: String, port: UInt16) -> SocketAddress? {
    if let address = address(host, port: port) { return address }
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard unsafe getaddrinfo(host, nil, &hints, &list) == 0, let first = unsafe list else {
      return nil
    }
    defer { unsafe freeaddrinfo(first) }
    var text = [CChar](repeating: 0, count: 64)
    let answer = unsafe getnameinfo(
      first.pointee.ai_addr, first.pointee.ai_addrlen, &text, 64, nil, 0, NI_NUMERICHOST)
    guard answer == 0 else { return nil }
    let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return address(String(decoding: bytes, as: UTF8.self), port: port)
  }
}
