import Proxy

/// Reads what makes a listener move bytes in place of HTTP.
enum StreamReader {
  /// `backends`: by name, in their order.
  static func read(
    _ listener: inout ProxyConfiguration.Listener, _ map: MapReader,
    backends: [ProxyConfiguration.Backend]
  ) {
    guard let value = map[StreamFields.backend] else {
      for field in StreamFields.all {
        guard let place = map.keyPlace(field) else { continue }
        map.problems.error(place, "\(field.name)\(map.inLabel) needs backend; name one")
      }
      return
    }
    guard let name = map.text(StreamFields.backend) else { return }
    guard let index = backends.firstIndex(where: { $0.name == name }) else {
      let suggestion = Suggestion.text(for: name, among: backends.map(\.name).sorted())
      return map.problems.error(value.place, "unknown backend \"\(name.shortened)\"\(suggestion)")
    }
    if let place = map.keyPlace(ListenerFields.redirect) {
      map.problems.error(place, "redirect\(map.inLabel), which moves bytes; keep one of the two")
    }
    var stream = ProxyConfiguration.Stream(backend: index)
    stream.role = map.choice(StreamFields.role).flatMap { ServerRole(rawValue: $0) }
    stream.fallsBackToPrimary = map.choice(StreamFields.fallback) != "none"
    stream.cutsOnRoleLoss = map.choice(StreamFields.onRoleLoss) != "keep"
    if stream.role != nil { checkRoles(backends[index], map) }
    listener.stream = stream
  }

  private static func checkRoles(_ backend: ProxyConfiguration.Backend, _ map: MapReader) {
    guard backend.mysql == nil, !backend.servers.contains(where: { $0.role != nil }),
      !backend.servers.isEmpty
    else { return }
    map.problems.error(
      map.keyPlace(StreamFields.role) ?? map.place,
      "role\(map.inLabel), but no server of backend \"\(backend.name)\" has one; "
        + "give them roles, or the backend `mysql`")
  }
}
