import Names

/// Reads `resolver`.
enum ResolverReader {
  static let serverLimit = 8

  static func read(_ file: MapReader) -> NameResolver {
    var resolver = NameResolver()
    guard let map = file.section(FileFields.resolver, ResolverFields.section) else {
      return resolver
    }
    resolver.minimumLife = map.duration(ResolverFields.minimumTTL) ?? resolver.minimumLife
    resolver.maximumLife = map.duration(ResolverFields.maximumTTL) ?? resolver.maximumLife
    if resolver.minimumLife > resolver.maximumLife {
      map.problems.error(
        map.place, "minimum_ttl is longer than maximum_ttl in resolver; swap them")
    }
    let items = map.items(ResolverFields.servers) ?? []
    if items.count > serverLimit {
      map.problems.error(
        map.place, "\(items.count) servers in resolver; at most \(serverLimit)")
    }
    resolver.servers = items.prefix(serverLimit).compactMap { server($0, map) }
    return resolver
  }

  private static func server(_ value: YAMLValue, _ map: MapReader) -> DNSPeer? {
    guard let text = value.text("a server of resolver", map.problems) else { return nil }
    if let address = NumericAddress.bytes(text) { return DNSPeer(address) }
    if let (host, port) = AddressText.parse(text), case .address(let address) = host {
      let plain = "\(address)".trimmingPrefix("[").prefix { $0 != "]" }
      if let bytes = NumericAddress.bytes(plain) { return DNSPeer(bytes, port: port) }
    }
    return map.refuse(value, ResolverFields.servers, "is no address")
  }
}
