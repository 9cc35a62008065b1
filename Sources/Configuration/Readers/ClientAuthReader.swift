import Proxy

/// Reads `client_auth`, of a listener and of its hosts.
enum ClientAuthReader {
  /// A file of authorities, or of what they revoked.
  private static let byteLimit = 4 << 20
  private static let hostLimit = 1_000

  static func read(_ details: MapReader, _ tls: inout ProxyConfiguration.TLS) {
    if let section = details.section(TLSFields.clientAuth, ClientAuthFields.section) {
      tls.clientAuth = clientAuth(section)
    }
    guard let hosts = details[TLSFields.hosts]?.pairs("hosts\(details.inLabel)", details.problems)
    else { return }
    guard hosts.count <= hostLimit else {
      return details.problems.error(details.place, "\(hosts.count) hosts; at most \(hostLimit)")
    }
    tls.hosts = hosts.compactMap { host($0, details.problems) }
    refuseDoubles(hosts, details.problems)
  }

  private static func host(
    _ pair: YAMLValue.Pair, _ problems: Problems
  ) -> ProxyConfiguration.TLSHost? {
    guard let host = HostPattern.parse(pair.key) else {
      problems.error(
        pair.place, "\"\(pair.key.shortened)\" is no host; allowed: a name, or \"*.\" and a name")
      return nil
    }
    let label = "host \"\(pair.key)\""
    guard let map = MapReader(pair.value, TLSHostFields.section, label: label, problems),
      let value = map[TLSHostFields.clientAuth]
    else { return nil }
    if case .scalar("none") = value.content { return .init(host: host, clientAuth: nil) }
    guard case .map = value.content else {
      return map.refuse(value, TLSHostFields.clientAuth, "is wrong")
    }
    guard let section = map.section(TLSHostFields.clientAuth, ClientAuthFields.section),
      let auth = clientAuth(section)
    else { return nil }
    return .init(host: host, clientAuth: auth)
  }

  /// Two terms for one host: neither may be taken for the other (Traefik CVE-2026-85597).
  private static func refuseDoubles(_ pairs: [YAMLValue.Pair], _ problems: Problems) {
    var lines: [String: Int] = [:]
    for pair in pairs {
      let key = pair.key.lowercased()
      if let line = lines[key] {
        problems.error(pair.place, "host \"\(pair.key)\" stands in line \(line), too; keep one")
      }
      lines[key] = pair.place.line
    }
  }

  private static func clientAuth(_ map: MapReader) -> ClientAuth? {
    let mode = map.choice(ClientAuthFields.mode) == "request" ? ClientAuth.Mode.request : .require
    guard let authorities = file(map, ClientAuthFields.ca, "CERTIFICATE") else { return nil }
    var auth = ClientAuth(mode: mode, authoritiesPEM: authorities)
    if map[ClientAuthFields.crl] != nil {
      guard let revoked = file(map, ClientAuthFields.crl, "X509 CRL") else { return nil }
      auth.revokedPEM = revoked
    }
    if map[ClientAuthFields.allow] != nil {
      auth.allowedNames = names(map, ClientAuthFields.allow)
      guard !auth.allowedNames.isEmpty else { return nil }
    }
    return auth
  }

  /// Of certificates.
  static func names(_ map: MapReader, _ field: Field) -> [String] {
    guard let items = map.items(field), !items.isEmpty else {
      let place = map[field]?.place ?? map.place
      map.problems.error(
        place, "\(field.name)\(map.inLabel) names nobody; write a name, or leave it out")
      return []
    }
    return items.compactMap { item in
      guard let text = item.text("a name\(map.inLabel)", map.problems) else { return nil }
      let isWild = text.hasPrefix("*.")
      let isOfKind = text.contains("@") || text.contains(":")
      guard (1...253).contains(text.utf8.count),
        text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }),
        !text.dropFirst(isWild ? 2 : 0).contains("*"), text != "*.", !isWild || !isOfKind
      else { return map.refuse(item, field, "is no name") }
      guard text.utf8.allSatisfy({ $0 < 0x80 }) || !isOfKind && !isWild else {
        return map.refuse(item, field, "must be ASCII, as in certificates: its domain as xn--…")
      }
      return text
    }
  }

  static func file(_ map: MapReader, _ field: Field, _ label: String) -> [UInt8]? {
    guard let path = map.path(field), let place = map[field]?.place else { return nil }
    do throws(FileReader.Failure) {
      let bytes = try FileReader.read(path, limit: byteLimit).bytes
      if String(decoding: bytes, as: UTF8.self).contains("BEGIN \(label)-----") { return bytes }
      map.problems.error(place, "no \(label) in \"\(path.shortened)\"; it must be PEM")
    } catch {
      map.problems.error(place, "cannot read \"\(path.shortened)\": \(error.text)")
    }
    return nil
  }
}
