import Proxy

/// Reads how the servers of a backend are chosen among: `balance`, `sticky`, `limit`, `tiers`, `split`.
struct BalanceReader {
  private let map: MapReader

  static func read(_ map: MapReader, _ backend: inout ProxyConfiguration.Backend) {
    let reader = BalanceReader(map: map)
    backend.balance = reader.balance() ?? backend.balance
    backend.sticky = reader.sticky()
    backend.slowStart = map.duration(BalanceFields.slowStart) ?? backend.slowStart
    reader.limit(&backend.limit)
    reader.tiers(&backend)
    backend.split = reader.split(backend)
  }

  private func balance() -> ProxyConfiguration.Balance? {
    guard let value = map[BalanceFields.balance] else { return nil }
    if case .map = value.content {
      let label = "balance of \(map.label)"
      guard let details = MapReader(value, BalanceFields.section, label: label, map.problems),
        let text = details.text(BalanceFields.hash)
      else { return nil }
      return hashKey(text).map { .hash($0) }
        ?? details[BalanceFields.hash].flatMap {
          details.refuse($0, BalanceFields.hash, "is nothing to hash")
        }
    }
    switch map.text(BalanceFields.balance) {
    case "round-robin": return .roundRobin
    case "least-connections": return .leastConnections
    case "latency": return .latency
    case "random": return .random
    case "hash": return .hash(.address)
    case nil: return nil
    default: return map.refuse(value, BalanceFields.balance, "is unknown")
    }
  }

  private func hashKey(_ text: String) -> ProxyConfiguration.Balance.HashKey? {
    if text == "address" { return .address }
    let words = text.split(separator: " ").map(String.init)
    guard words.count == 2, words[1].isToken else { return nil }
    switch words[0] {
    case "header": return .header(words[1])
    case "cookie": return .cookie(words[1])
    default: return nil
    }
  }

  private func sticky() -> ProxyConfiguration.Sticky? {
    guard let value = map[BalanceFields.sticky], let name = map.text(BalanceFields.sticky) else {
      return nil
    }
    guard name.isToken, name.utf8.count <= 64 else {
      return map.refuse(value, BalanceFields.sticky, "is no name of a cookie")
    }
    return ProxyConfiguration.Sticky(cookie: name)
  }

  private func limit(_ limit: inout ProxyConfiguration.ServerLimit) {
    guard let value = map[BalanceFields.limit] else { return }
    if case .scalar(let text) = value.content {
      guard let number = Quantity.whole(text[...]), (1...1_000_000).contains(number) else {
        let _: Void? = map.refuse(value, BalanceFields.limit, "is no number from 1 to 1000000")
        return
      }
      limit.connections = number
      return
    }
    guard let details = map.section(BalanceFields.limit, ServerLimitFields.section) else { return }
    limit.connections = details.integer(ServerLimitFields.connections)
    limit.queue = details.integer(ServerLimitFields.queue) ?? limit.queue
    limit.wait = details.duration(ServerLimitFields.wait) ?? limit.wait
  }

  private func tiers(_ backend: inout ProxyConfiguration.Backend) {
    guard let details = map.section(BalanceFields.tiers, TierFields.section) else { return }
    backend.tiers.below = details.percent(TierFields.below) ?? backend.tiers.below
    backend.tiers.holdDown = details.duration(TierFields.holdDown) ?? backend.tiers.holdDown
    backend.tiers.failback = failback(details) ?? backend.tiers.failback
    if Set(backend.servers.map(\.tier)).count < 2, map.problems.isEmpty {
      map.problems.error(
        details.place,
        "tiers\(map.inLabel), but all its servers are of one tier; "
          + "give those that stand by `tier: 1`")
    }
  }

  private func failback(_ details: MapReader) -> ProxyConfiguration.Tiers.Failback? {
    guard let value = details[TierFields.failback],
      let text = details.text(TierFields.failback)
    else { return nil }
    if text == "auto" { return .auto }
    if text == "manual" { return .manual }
    if text.hasPrefix("after "), let span = TimeSpan.parse(String(text.dropFirst(6))),
      span > .zero, span <= .seconds(30 * 86_400)
    {
      return .after(span)
    }
    return details.refuse(value, TierFields.failback, "is unknown")
  }

  private func split(_ backend: ProxyConfiguration.Backend) -> ProxyConfiguration.Split? {
    guard let details = map.section(BalanceFields.split, SplitFields.section) else {
      if map[BalanceFields.split] == nil { refuseRoles(backend) }
      return nil
    }
    var split = ProxyConfiguration.Split()
    if let methods = details.items(SplitFields.read) {
      split.readMethods = methods.compactMap { method(details, $0) }
    }
    split.pinAfterWrite = details.duration(SplitFields.pinAfterWrite) ?? split.pinAfterWrite
    split.queueWrites = details.duration(SplitFields.queueWrites) ?? split.queueWrites
    for item in details.items(SplitFields.except) ?? [] {
      guard let text = item.text("a path\(details.inLabel)", map.problems) else { continue }
      if let path = PathPattern.parse(text) {
        split.except.append(path)
      } else {
        let _: Void? = details.refuse(item, SplitFields.except, "is no path")
      }
    }
    let primaries = backend.servers.filter { $0.role == .primary }
    if map[MySQLFields.mysql] == nil, primaries.count != 1, map.problems.isEmpty {
      map.problems.error(
        details.place,
        "split\(map.inLabel) needs one server with `role: primary`, and there are "
          + "\(primaries.count); give the others `role: replica`")
    }
    return split
  }

  private func method(_ details: MapReader, _ item: YAMLValue) -> String? {
    guard let text = item.text("a method\(details.inLabel)", map.problems) else { return nil }
    let unsafe = ["POST", "PUT", "PATCH", "DELETE", "CONNECT"]
    if unsafe.contains(text.uppercased()) {
      map.problems.warning(item.place, "\(text) as a method that reads: it may go to a replica")
    }
    guard text.isToken, text == text.uppercased() else {
      return details.refuse(item, SplitFields.read, "is no method; write it in capitals")
    }
    return text
  }

  /// A role that nobody asks for is a mistake.
  private func refuseRoles(_ backend: ProxyConfiguration.Backend) {
    guard backend.servers.contains(where: { $0.role == .replica }),
      !backend.servers.contains(where: { $0.role == .primary }), map[MySQLFields.mysql] == nil
    else { return }
    map.problems.warning(map.place, "\(map.label) has replicas, but no server with `role: primary`")
  }
}

extension String {
  /// A token of HTTP (RFC 9110, section 5.6.2): what may name a header, a cookie or a method.
  var isToken: Bool {
    (1...256).contains(utf8.count)
      && utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x61...0x7a).contains($0 | 0x20)
          || "!#$%&'*+-.^_`|~".utf8.contains($0)
      }
  }
}
