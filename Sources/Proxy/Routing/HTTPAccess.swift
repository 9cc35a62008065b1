/// What a policy says of requests: which client may send what to which host and path.
public struct HTTPAccess: Sendable, Equatable {
  /// Requests for a host and a path of it, and who may send them.
  public struct Rule: Sendable, Equatable {
    /// `suffix` takes every label more, not only one as a route's does.
    public var host: ProxyConfiguration.Route.Host
    public var path: ProxyConfiguration.Route.Path
    public var sources: AccessRules

    /// What it holds for, as `www.example.com/orders/**`.
    public var name: String {
      ProxyConfiguration.Route(host: host, path: path, action: .local).name
    }

    public init(
      host: ProxyConfiguration.Route.Host, path: ProxyConfiguration.Route.Path, sources: AccessRules
    ) {
      self.host = host
      self.path = path
      self.sources = sources
    }
  }

  /// A rule that names a request.
  public struct Match: Sendable, Equatable {
    /// Its index.
    public var rule: Int
    /// Not only as a server behind may read the path.
    public var isAsWritten: Bool
  }
  /// All that match a request must allow its client: neither order nor specificity matters.
  public var rules: [Rule]
  /// Who may send what no rule names as it is written, even where one does as a server may read it.
  public var others: AccessRules
  /// Whose X-Forwarded-For tells of the client; nobody's when nil.
  public var trustedProxies: AccessRules?

  public init(rules: [Rule], others: AccessRules, trustedProxies: AccessRules? = nil) {
    self.rules = rules
    self.others = others
    self.trustedProxies = trustedProxies
  }

  /// Whether a client may send a request; a path that would be refused is nobody's.
  public func allows(_ client: IPAddress, host: String, path: String, at time: Int64) -> Bool {
    let bytes = Array(path.utf8)
    guard let normalised = PathNormalizer.normalised(bytes.span) else { return false }
    let name = Array(host.utf8)
    return RequestAccess(self).allows(client, host: name.span, path: normalised.span, at: time)
  }

  /// The rules that match a request, in whatever way its path may be read; nil when it would be
  /// refused. For explanations: by the same code that the proxy uses.
  public func matching(host: String, path: String) -> [Match]? {
    let bytes = Array(path.utf8)
    guard let normalised = PathNormalizer.normalised(bytes.span) else { return nil }
    let name = Array(host.utf8)
    return RequestAccess(self).matching(host: name.span, path: normalised.span)
  }
}

/// The same, made ready to be asked.
final class RequestAccess: Sendable {
  struct Rule: Sendable {
    private let isSuffix: Bool
    /// Every host when empty.
    private let name: [UInt8]
    private let path: PathMatch
    private let loosest: PathMatch
    let sources: AccessRules
    /// As a line of the access log in JSON names it.
    let logName: [UInt8]

    init(_ rule: HTTPAccess.Rule) {
      switch rule.host {
      case .any:
        isSuffix = false
        name = []
      case .exact(let text):
        isSuffix = false
        name = HostTable.key(text.utf8)
      case .suffix(let text):
        isSuffix = true
        name = HostTable.key(text.utf8)
      }
      path = PathMatch(rule.path)
      loosest = path.loosest
      sources = rule.sources
      logName = LogText.name(rule.name, .json)
    }

    /// In whatever way a server may read the path. `host` as it came, without the port; `loosest`:
    /// the loosest reading of the path.
    func matches(host: Span<UInt8>, loosest: Span<UInt8>) -> Bool {
      guard self.loosest.matches(loosest) else { return false }
      if name.isEmpty { return true }
      let host = HostTable.withoutLastDot(host)
      guard isSuffix else { return FieldValue.isSameName(host, name.span) }
      let start = host.count - name.count
      guard start > 1, host[start - 1] == UInt8(ascii: ".") else { return false }
      return FieldValue.isSameName(host.extracting(start...), name.span)
    }

    /// Of a rule that matches: as the path is written; `path` normalised.
    func isAsWritten(_ path: Span<UInt8>) -> Bool { self.path.matches(path) }
  }
  let rules: [Rule]
  let others: AccessRules
  let trustedProxies: AccessRules?

  init(_ access: HTTPAccess) {
    rules = access.rules.map(Rule.init)
    others = access.others
    trustedProxies = access.trustedProxies
  }

  func allows(_ client: IPAddress, host: Span<UInt8>, path: Span<UInt8>, at time: Int64) -> Bool {
    decide(client, host: host, path: path, at: time).isAllowed
  }

  /// Whether a client may send a request, in whatever way a server may read its path, and the rule
  /// that says so: the one that refuses it, else the first that names it; nil where `others` does.
  func decide(
    _ client: IPAddress, host: Span<UInt8>, path: Span<UInt8>, at time: Int64
  ) -> (isAllowed: Bool, rule: Int?) {
    if PathReading.isPlain(path) {
      return decide(client, host: host, path: path, loosest: path, at: time)
    }
    let loosest = PathReading.loosest(path)
    return decide(client, host: host, path: path, loosest: loosest.span, at: time)
  }

  private func decide(
    _ client: IPAddress, host: Span<UInt8>, path: Span<UInt8>, loosest: Span<UInt8>, at time: Int64
  ) -> (isAllowed: Bool, rule: Int?) {
    var named: Int?
    var isAsWritten = false
    for index in rules.indices where rules[index].matches(host: host, loosest: loosest) {
      guard rules[index].sources.allows(client, at: time) else { return (false, index) }
      if named == nil { named = index }
      if !isAsWritten { isAsWritten = rules[index].isAsWritten(path) }
    }
    guard isAsWritten || others.allows(client, at: time) else { return (false, nil) }
    return (true, named)
  }

  /// The rules that match a request, in whatever way a server may read its path.
  func matching(host: Span<UInt8>, path: Span<UInt8>) -> [HTTPAccess.Match] {
    let loosest = PathReading.loosest(path)
    var matches: [HTTPAccess.Match] = []
    for index in rules.indices where rules[index].matches(host: host, loosest: loosest.span) {
      matches.append(.init(rule: index, isAsWritten: rules[index].isAsWritten(path)))
    }
    return matches
  }
}
