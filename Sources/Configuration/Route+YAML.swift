internal import Firewall
internal import Proxy

/// Reads `routes`.
struct RouteReader {
  let backends: [ProxyConfiguration.Backend]
  let problems: Problems

  func read(_ value: YAMLValue) -> [ProxyConfiguration.Route] {
    var seen: [String: SourcePlace] = [:]
    return value.list().compactMap { item in
      guard let map = item.map(Settings.route) else { return nil }
      let host = host(map)
      let path = path(map)
      let key = "\(host) \(path)"
      if let other = seen[key] {
        item.error("the same host and path as the route at line \(other.line); keep one")
      }
      seen[key] = item.place
      guard let action = action(map) else { return nil }
      var route = ProxyConfiguration.Route(host: host, path: path, action: action)
      route.setResponseHeaders = headers(map)
      return route
    }
  }

  private func host(_ map: YAMLMap) -> ProxyConfiguration.Route.Host {
    guard let text = map.text("host") else { return .any }
    let isWildcard = text.hasPrefix("*.")
    let name = isWildcard ? String(text.dropFirst(2)) : text
    guard HeaderText.isHost(name), !name.contains(":") || name.hasPrefix("[") else {
      map["host"]?.error(
        "\"\(text)\" is no host; allowed: www.example.com, *.example.com (without a port)")
      return .any
    }
    return isWildcard ? .suffix(name.lowercased()) : .exact(name.lowercased())
  }

  private func path(_ map: YAMLMap) -> ProxyConfiguration.Route.Path {
    guard let text = map.text("path") else { return .any }
    let isPrefix = text.hasSuffix("/**")
    let path = isPrefix ? String(text.dropLast(3)) : text
    let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    let isPlain =
      !segments.contains("..") && !segments.contains(".")
      && !path.contains("//") && path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
      && !path.contains { "*?#%\\".contains($0) }
    guard path.hasPrefix("/") || (isPrefix && path.isEmpty), isPlain else {
      map["path"]?.error("\"\(text)\" is no path; allowed: /exact, /everything/below/**")
      return .any
    }
    if isPrefix { return path.isEmpty ? .any : .prefix(path) }
    return .exact(path)
  }

  private func action(_ map: YAMLMap) -> ProxyConfiguration.Route.Action? {
    if let name = map.text("backend") {
      if map["redirect"] != nil { map.value.error("a route has backend or redirect, not both") }
      if let index = backends.firstIndex(where: { $0.name == name }) { return .backend(index) }
      let names = backends.map(\.name)
      map["backend"]?.error(
        "there is no backend \"\(name)\"\(Suggestion.text(for: name, among: names))")
      return nil
    }
    guard let target = map.text("redirect") else {
      map.value.error("a route needs backend: NAME or redirect: URL")
      return nil
    }
    guard target.hasPrefix("https://") || target.hasPrefix("http://") || target.hasPrefix("/"),
      target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }), target.utf8.count <= 2048
    else {
      map["redirect"]?.error(
        "\"\(target)\" is no URL; for example: \"https://www.example.com{path}\"")
      return nil
    }
    return .redirect(to: target, status: map.choice("status").flatMap { Int($0) } ?? 308)
  }

  private func headers(_ map: YAMLMap) -> [(name: String, value: String)] {
    guard
      let set = map["headers"]?.map(Settings.routeHeaders)?["response"]?
        .map(Settings.responseHeaders)?["set"]
    else { return [] }
    let framing = ["content-length", "transfer-encoding", "connection", "upgrade", "x-request-id"]
    return set.named("a map of headers").compactMap { key, name, value in
      guard let text = value.text("a value") else { return nil }
      guard HeaderText.isName(name), !framing.contains(name.lowercased()) else {
        key.error("\"\(name)\" is no header that can be set")
        return nil
      }
      guard HeaderText.isValue(text) else {
        value.error("a header's value may have no control bytes and at most 4096 bytes")
        return nil
      }
      return (name, text)
    }
  }
}
