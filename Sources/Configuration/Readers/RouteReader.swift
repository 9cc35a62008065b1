import Firewall
import Proxy

/// Reads `routes`.
struct RouteReader {
  typealias Route = ProxyConfiguration.Route

  /// Of all headers that a route sets; a worker keeps 4 KiB of room for them and for its own.
  static let headerByteLimit = 3 << 10

  private let backends: [String: Int]
  private let problems: Problems
  private var lines: [String: Int] = [:]

  /// `areNeeded`: some listener speaks HTTP.
  static func read(_ file: MapReader, backends: [String], areNeeded: Bool) -> [Route] {
    var reader = RouteReader(backends, file.problems)
    guard let items = file.items(FileFields.routes), !items.isEmpty else {
      guard areNeeded else { return [] }
      file.problems.warning(file.place, "no routes: every request is answered 404")
      return []
    }
    return items.compactMap { reader.read($0) }
  }

  private init(_ names: [String], _ problems: Problems) {
    backends = Dictionary(zip(names, names.indices)) { first, _ in first }
    self.problems = problems
  }

  private mutating func read(_ value: YAMLValue) -> Route? {
    guard let map = MapReader(value, RouteFields.section, label: "route", problems)
    else { return nil }
    let host = host(map)
    let path = path(map)
    let action = action(map)
    let headers = responseHeaders(map)
    let body = map.size(RouteFields.body)
    guard let host, let path else { return nil }
    refuseDouble(map, "\(host) \(path)")
    guard let action else { return nil }
    var route = Route(host: host, path: path, action: action)
    route.setResponseHeaders = headers
    route.bodyBytes = body
    route.hsts = HSTSReader.read(map)
    if let place = map.keyPlace(RouteFields.hsts),
      headers.contains(where: { $0.name.lowercased() == "strict-transport-security" })
    {
      problems.error(place, "hsts stands beside the header Strict-Transport-Security; keep one")
    }
    return route
  }

  private mutating func refuseDouble(_ map: MapReader, _ key: String) {
    if let line = lines[key] {
      problems.error(map.place, "a route for this host and path stands in line \(line); keep one")
    } else {
      lines[key] = map.place.line
    }
  }

  private func host(_ map: MapReader) -> Route.Host? {
    guard let value = map[RouteFields.host] else { return .any }
    guard let text = map.text(RouteFields.host) else { return nil }
    if text.hasPrefix("*."), let name = HostName.checked(String(text.dropFirst(2))) {
      return .suffix(name)
    }
    if let name = HostName.checked(text) { return .exact(name) }
    if let address = AddressText.address(text) { return .exact(address.hostText) }
    return map.refuse(value, RouteFields.host, "is no host")
  }

  private func path(_ map: MapReader) -> Route.Path? {
    guard let value = map[RouteFields.path] else { return .any }
    guard let text = map.text(RouteFields.path) else { return nil }
    return PathPattern.parse(text) ?? map.refuse(value, RouteFields.path, "is no path")
  }

  private func action(_ map: MapReader) -> Route.Action? {
    let name = map[RouteFields.backend]
    let target = map[RouteFields.redirect]
    switch (name, target) {
    case (let name?, nil):
      if let place = map.keyPlace(RouteFields.status) {
        problems.error(place, "status stands without redirect; remove it")
      }
      return map.text(RouteFields.backend).flatMap { backend($0, name.place) }
    case (nil, let target?): return redirect(map, target)
    case (nil, nil): problems.error(map.place, "a route needs a backend or a redirect; write one")
    case (_?, _?): problems.error(map.place, "a route has both backend and redirect; keep one")
    }
    return nil
  }

  private func backend(_ name: String, _ place: SourcePlace) -> Route.Action? {
    if let index = backends[name] { return .backend(index) }
    let suggestion = Suggestion.text(for: name, among: backends.keys.sorted())
    problems.error(place, "unknown backend \"\(name.shortened)\"\(suggestion)")
    return nil
  }

  private func redirect(_ map: MapReader, _ value: YAMLValue) -> Route.Action? {
    guard let text = map.text(RouteFields.redirect) else { return nil }
    // Each once, so that no request's target is made larger than a worker's buffer.
    let plain = text.replacing("{host}", with: "", maxReplacements: 1)
      .replacing("{path}", with: "", maxReplacements: 1)
    let isTarget =
      ["https://", "http://", "/"].contains { text.hasPrefix($0) }
      || text.hasPrefix("{path}")
    guard isTarget, text.utf8.count <= 2048,
      plain.utf8.allSatisfy({ (0x21...0x7e).contains($0) && !"{}\"<>\\".utf8.contains($0) })
    else { return map.refuse(value, RouteFields.redirect, "is no target") }
    let status = map.choice(RouteFields.status).flatMap { Int($0) } ?? 308
    return .redirect(to: text, status: status)
  }

  private func responseHeaders(_ map: MapReader) -> [(name: String, value: String)] {
    guard let headers = map.section(RouteFields.headers, HeaderFields.section),
      let response = headers.section(HeaderFields.response, ResponseHeaderFields.section),
      let pairs = response[ResponseHeaderFields.set]?.pairs("\"set\" in route", problems)
    else { return [] }
    var seen: Set<String> = []
    let found = pairs.compactMap { pair -> (name: String, value: String)? in
      guard let header = header(pair) else { return nil }
      guard seen.insert(header.name.lowercased()).inserted else {
        problems.error(pair.place, "header \(header.name) is set twice; keep one of them")
        return nil
      }
      return header
    }
    let bytes = found.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
    guard bytes <= Self.headerByteLimit else {
      problems.error(
        response.place,
        "too many bytes of headers in a route; at most \(ByteSize.text(Self.headerByteLimit))")
      return []
    }
    return found
  }

  private func header(_ pair: YAMLValue.Pair) -> (name: String, value: String)? {
    guard (1...256).contains(pair.key.utf8.count), pair.key.isToken else {
      problems.error(
        pair.place, "\"\(pair.key.shortened)\" is no header name; allowed: letters, digits and -")
      return nil
    }
    guard !Self.framing.contains(pair.key.lowercased()) else {
      problems.error(pair.place, "header \(pair.key) is set by the proxy alone; remove it")
      return nil
    }
    guard let text = pair.value.text("header \(pair.key)", problems) else { return nil }
    guard text.utf8.count <= 4096, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
      problems.error(
        pair.value.place,
        "header \(pair.key): its value is too long or has control bytes; "
          + "allowed: one line of at most 4KiB")
      return nil
    }
    return (pair.key, text)
  }

  /// What decides where a message ends is not for a file to set.
  private static let framing: Set<String> = [
    "connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
  ]
}

extension IPAddress {
  /// As it stands in a Host header.
  fileprivate var hostText: String {
    switch self {
    case .ipv4: description
    case .ipv6: "[\(description)]"
    }
  }
}
