public import Firewall
internal import Foundation
public import Proxy

/// A configuration read whole: what each part of the program is told.
public struct LoadedConfiguration: Sendable {
  public var proxy = ProxyConfiguration()
  public var policy: FirewallPolicy?
  public var policyPath: String?
  /// None is opened when nil.
  public var adminSocket: String?
  public var certificateFolders: [String] = []
  /// What is doubtful, a line each.
  public var warnings: [String] = []

  /// Where commands look when neither a socket nor a file is named.
  public static let defaultAdminSocket = "/run/gatehouse/admin.sock"
}

public enum ConfigurationFile {
  /// Reads `gatehouse.yaml` and all that it names; or tells all that is wrong.
  public static func load(_ path: String) throws(ConfigurationErrors) -> LoadedConfiguration {
    let problems = Problems()
    var reader = ConfigurationReader(path: path, problems: problems)
    let loaded = reader.read()
    guard var loaded, !problems.hasErrors else { throw problems.sorted }
    loaded.warnings = problems.warnings
    return loaded
  }
}

/// Reads the file's sections in the order in which they need each other.
private struct ConfigurationReader {
  let path: String
  let base: URL
  let problems: Problems
  private var loaded = LoadedConfiguration()

  init(path: String, problems: Problems) {
    self.path = path
    self.problems = problems
    base = URL(fileURLWithPath: path).deletingLastPathComponent()
  }

  mutating func read() -> LoadedConfiguration? {
    guard let root = YAMLReader.read(path, problems), let map = root.map(Settings.file) else {
      return nil
    }
    var listeners = ListenerReader(base: base, problems: problems)
    if let value = map["listeners"] {
      loaded.proxy.listeners = listeners.read(value).map(\.listener)
    } else {
      root.error("listeners is missing; for example: listeners: { http: { bind: \":80\" } }")
    }
    loaded.certificateFolders = listeners.certificateFolders
    if let value = map["backends"] {
      loaded.proxy.backends = BackendReader(base: base, problems: problems).read(value)
    }
    if let value = map["routes"] {
      loaded.proxy.routes = RouteReader(backends: loaded.proxy.backends, problems: problems)
        .read(value)
    }
    if loaded.proxy.routes.isEmpty, !problems.hasErrors {
      root.error("routes is missing or empty; for example: routes: [ { backend: web } ]")
    }
    if let workers = map.integer("workers") { loaded.proxy.workers = workers }
    _ = map.choice("firewall")
    readBounds(map)
    readAdmin(map)
    readPolicy(map)
    return loaded
  }

  private mutating func readBounds(_ map: YAMLMap) {
    if let limits = map["limits"]?.map(Settings.limits) {
      for setting in LimitSetting.all {
        let name = setting.field.name
        if let value = limits.size(name) ?? limits.integer(name) {
          loaded.proxy.limits[keyPath: setting.path] = value
        }
      }
    }
    guard let timeouts = map["timeouts"]?.map(Settings.timeouts) else { return }
    for setting in TimeoutSetting.all {
      if let value = timeouts.duration(setting.field.name) {
        loaded.proxy.timeouts[keyPath: setting.path] = value
      }
    }
  }

  private mutating func readAdmin(_ map: YAMLMap) {
    guard let admin = map["admin"]?.map(Settings.admin), let path = admin.text("socket") else {
      return
    }
    let full = URL(fileURLWithPath: path, relativeTo: base).path
    // The kernel's bound on the path of a Unix socket (unix(7)).
    guard full.utf8.count < 108 else {
      admin["socket"]?.error("the path is \(full.utf8.count) bytes long; allowed: 107")
      return
    }
    loaded.adminSocket = full
  }

  private mutating func readPolicy(_ map: YAMLMap) {
    guard let path = map.text("policy") else {
      problems.warn(
        "\(self.path): warning: no policy: everybody may connect; name one with policy: FILE")
      return
    }
    let full = URL(fileURLWithPath: path, relativeTo: base).path
    let now = Int64(Date().timeIntervalSince1970)
    guard let policy = PolicyFile.read(full, at: now, problems), !problems.hasErrors else { return }
    loaded.policy = policy
    loaded.policyPath = full
    guard let verdict = try? PolicyVerdict(policy) else {
      map["policy"]?.error("the policy can't be evaluated; see: gatehouse policy check \(full)")
      return
    }
    for index in loaded.proxy.listeners.indices { admit(by: verdict, index, map) }
  }

  /// The policy's word on who may connect to a listener; its ports must agree.
  private mutating func admit(by verdict: PolicyVerdict, _ index: Int, _ map: YAMLMap) {
    let listener = loaded.proxy.listeners[index]
    let ports = Set(listener.addresses.map(\.port))
    let rules = ports.map { AccessRules(verdict.allowedSources(.tcp, port: $0)) }
    guard let first = rules.first, rules.allSatisfy({ $0 == first }) else {
      map["policy"]?.error(
        "the policy admits others to each port of listener \"\(listener.name)\"; make it two listeners"
      )
      return
    }
    if first.ipv4.isEmpty, first.ipv6.isEmpty {
      let port = ports.sorted().map { "tcp/\($0)" }.joined(separator: ", ")
      problems.warn(
        "\(path): warning: no service of the policy covers \(port): listener \"\(listener.name)\" refuses everybody"
      )
    }
    loaded.proxy.listeners[index].access = first
  }
}

extension AccessRules {
  fileprivate init(_ set: AddressSet) {
    self.init(
      ipv4: set.ipv4.map { Interval(first: $0.first, last: $0.last, until: $0.until) },
      ipv6: set.ipv6.map { Interval(first: $0.first, last: $0.last, until: $0.until) })
  }
}
