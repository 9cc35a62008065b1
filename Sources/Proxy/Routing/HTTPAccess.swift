/// What a policy says of requests: which client may send what to which host and path.
public struct HTTPAccess: Sendable, Equatable {
  /// Requests for a host and a path of it, and who may send them.
  public struct Rule: Sendable, Equatable {
    public var host: ProxyConfiguration.Route.Host
    public var path: ProxyConfiguration.Route.Path
    public var sources: AccessRules

    public init(
      host: ProxyConfiguration.Route.Host, path: ProxyConfiguration.Route.Path, sources: AccessRules
    ) {
      self.host = host
      self.path = path
      self.sources = sources
    }
  }
  /// All that match a request must allow its client: neither order nor specificity matters.
  public var rules: [Rule]
  /// Who may send what no rule names.
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
    guard let matching = matching(host: host, path: path) else { return false }
    return matching.isEmpty
      ? others.allows(client, at: time)
      : matching.allSatisfy { rules[$0].sources.allows(client, at: time) }
  }

  /// The indices of the rules that match a request; nil when its path would be refused. For
  /// explanations: by the same code that the proxy uses.
  public func matching(host: String, path: String) -> [Int]? {
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
    let sources: AccessRules

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
      sources = rule.sources
    }

    /// `host` as it came, without the port; `path` normalised.
    func matches(host: Span<UInt8>, path: Span<UInt8>) -> Bool {
      guard self.path.matches(path) else { return false }
      if name.isEmpty { return true }
      let host = HostTable.withoutLastDot(host)
      guard isSuffix else { return FieldValue.isSameName(host, name.span) }
      guard let parent = HostTable.parent(of: host) else { return false }
      return FieldValue.isSameName(parent, name.span)
    }
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
    var isNamed = false
    for rule in rules where rule.matches(host: host, path: path) {
      guard rule.sources.allows(client, at: time) else { return false }
      isNamed = true
    }
    return isNamed || others.allows(client, at: time)
  }

  /// The indices of the rules that match a request.
  func matching(host: Span<UInt8>, path: Span<UInt8>) -> [Int] {
    rules.indices.filter { rules[$0].matches(host: host, path: path) }
  }
}
