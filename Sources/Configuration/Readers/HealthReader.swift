import Proxy

/// Reads how the servers of a backend are checked: `health`.
struct HealthReader {
  private typealias Health = ProxyConfiguration.Health

  static func read(_ map: MapReader, _ backend: inout ProxyConfiguration.Backend) {
    if backend.mysql != nil { backend.health.check = .mysql }
    guard let value = map[HealthFields.health] else { return }
    switch value.content {
    case .scalar("tcp"): backend.health.check = .tcp
    case .scalar("tls"): backend.health.check = .tls
    case .scalar("grpc"): backend.health.check = .grpc(service: "")
    case .scalar(let path) where isPath(path):
      backend.health.check = .http(.init(path: path))
    case .map:
      guard let details = map.section(HealthFields.health, HealthFields.section) else { return }
      readMap(details, &backend)
    case .scalar, .list, .nothing:
      let _: Void? = map.refuse(value, HealthFields.health, "is no check")
    }
  }

  private static func readMap(_ map: MapReader, _ backend: inout ProxyConfiguration.Backend) {
    check(map, &backend.health)
    var health = backend.health
    if let port = map.integer(HealthFields.port) {
      if let place = map.keyPlace(HealthFields.port), case .agent? = health.check {
        map.problems.error(
          place, "port\(map.inLabel) beside agent, which names its port itself; remove port")
      } else {
        health.port = UInt16(port)
      }
    }
    health.interval = map.duration(HealthFields.interval) ?? health.interval
    // One that is left out is never slower than the interval.
    health.fastInterval =
      map.duration(HealthFields.fastInterval) ?? min(health.fastInterval, health.interval)
    health.timeout = map.duration(HealthFields.timeout) ?? health.timeout
    health.rise = map.integer(HealthFields.rise) ?? health.rise
    health.fall = map.integer(HealthFields.fall) ?? health.fall
    health.jitter = map.percent(HealthFields.jitter) ?? health.jitter
    health.changesPerMinute =
      map.integer(HealthFields.changesPerMinute) ?? health.changesPerMinute
    health.passive = passive(map)
    if health.fastInterval > health.interval, let place = map.keyPlace(HealthFields.fastInterval) {
      map.problems.error(
        place, "fast_interval\(map.inLabel) is longer than interval; write a shorter one")
    }
    backend.health = health
  }

  /// The kind of check; of several the first one is kept, and the others are told of.
  private static func check(_ map: MapReader, _ health: inout Health) {
    let wanted = HealthFields.kinds.filter { field in
      guard let value = map[field] else { return false }
      if case .scalar("false") = value.content { return false }
      return true
    }
    guard let kept = wanted.first else { return }
    for other in wanted.dropFirst() {
      map.problems.error(
        map.keyPlace(other) ?? map.place,
        "\(other.name)\(map.inLabel) beside \(kept.name); a backend has one check: keep "
          + "\(kept.name) and remove \(other.name), or the other way round")
    }
    switch kept.name {
    case HealthFields.http.name: health.check = http(map).map { .http($0) }
    case HealthFields.tcp.name: if map.boolean(kept) == true { health.check = .tcp }
    case HealthFields.tls.name: if map.boolean(kept) == true { health.check = .tls }
    case HealthFields.grpc.name: health.check = grpc(map).map { .grpc(service: $0) }
    default:
      guard let port = map.integer(HealthFields.agent) else { return }
      health.check = .agent
      health.port = UInt16(port)
    }
  }

  private static func grpc(_ map: MapReader) -> String? {
    guard let value = map[HealthFields.grpc], let text = map.text(HealthFields.grpc) else {
      return nil
    }
    if text == "true" { return "" }
    let isName = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
    guard !text.isEmpty, text.utf8.count <= 256, isName else {
      return map.refuse(value, HealthFields.grpc, "is no name of a service")
    }
    return text
  }

  private static func http(_ map: MapReader) -> Health.HTTPCheck? {
    guard let value = map[HealthFields.http] else { return nil }
    if case .scalar(let text) = value.content {
      return isPath(text)
        ? Health.HTTPCheck(path: text) : map.refuse(value, HealthFields.http, "is no path")
    }
    guard let details = map.section(HealthFields.http, HTTPCheckFields.section),
      let pathValue = details[HTTPCheckFields.path],
      let path = details.text(HTTPCheckFields.path)
    else { return nil }
    guard isPath(path) else {
      return details.refuse(pathValue, HTTPCheckFields.path, "is no path")
    }
    var check = Health.HTTPCheck(path: path)
    check.method = details.choice(HTTPCheckFields.method) ?? check.method
    check.host = host(details)
    check.expected = (details.items(HTTPCheckFields.status) ?? []).compactMap {
      status($0, details)
    }
    check.body = body(details, check.method)
    return check
  }

  private static func host(_ map: MapReader) -> String? {
    guard let value = map[HTTPCheckFields.host], let text = map.text(HTTPCheckFields.host)
    else { return nil }
    let hasPort = AddressText.parse(text).map { $0.host != .all } ?? false
    if hasPort || HostName.checked(text) != nil || AddressText.address(text) != nil { return text }
    return map.refuse(value, HTTPCheckFields.host, "is no host")
  }

  private static func status(_ value: YAMLValue, _ map: MapReader) -> ClosedRange<Int>? {
    guard let text = value.text("a status\(map.inLabel)", map.problems) else { return nil }
    let ends = text.split(separator: "-", omittingEmptySubsequences: false)
      .map { Quantity.whole($0) ?? 0 }
    guard (1...2).contains(ends.count), ends.allSatisfy({ (200...599).contains($0) }),
      ends[0] <= ends[ends.count - 1]
    else {
      return map.refuse(value, HTTPCheckFields.status, "is no status from 200 to 599")
    }
    return ends[0]...ends[ends.count - 1]
  }

  private static func body(_ map: MapReader, _ method: String) -> String? {
    let field = HTTPCheckFields.body
    guard let value = map[field], let text = map.text(field) else { return nil }
    guard (1...1024).contains(text.utf8.count) else {
      return map.refuse(value, field, "is too short or too long")
    }
    guard method != "HEAD" else {
      map.problems.error(
        value.place, "body\(map.inLabel) beside HEAD, which has none; write method: GET")
      return nil
    }
    return text
  }

  private static func passive(_ map: MapReader) -> ProxyConfiguration.Passive? {
    let field = HealthFields.passive
    guard let value = map[field] else { return nil }
    var passive = ProxyConfiguration.Passive()
    switch value.content {
    case .scalar("true"): return passive
    case .scalar("false"): return nil
    case .map: break
    case .scalar, .list, .nothing: return map.refuse(value, field, "is wrong")
    }
    guard let details = map.section(field, PassiveFields.section) else { return nil }
    passive.failures = details.integer(PassiveFields.failures) ?? passive.failures
    passive.errorShare = details.percent(PassiveFields.errorShare) ?? passive.errorShare
    passive.requests = details.integer(PassiveFields.requests) ?? passive.requests
    passive.window = details.duration(PassiveFields.window) ?? passive.window
    passive.eject = details.duration(PassiveFields.eject) ?? passive.eject
    passive.longest = details.duration(PassiveFields.longest) ?? passive.longest
    passive.atMost = details.percent(PassiveFields.atMost) ?? passive.atMost
    guard passive.longest >= passive.eject else {
      map.problems.error(
        details.place, "longest\(details.inLabel) is shorter than eject; write a longer one")
      return nil
    }
    return passive
  }

  /// Printable ASCII without a space: it goes into a request line as it is.
  private static func isPath(_ text: String) -> Bool {
    text.hasPrefix("/") && text.utf8.count <= 2048
      && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x23 }
  }
}
