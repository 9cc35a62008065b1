import Firewall
import Proxy

/// Whether the authorities of `acme` will reach what proves a name: they come from anywhere, and
/// from several places at once.
enum ACMEReachability {
  static func check(_ loaded: LoadedConfiguration, _ file: MapReader) {
    guard let plan = loaded.acme?.plan, let place = file.keyPlace(FileFields.acme) else { return }
    let kinds = Set(plan.certificates.map(\.challenge.type))
    if kinds.contains("http-01") {
      warn("http-01", loaded.proxy.listeners.filter { $0.tls == nil }, 80, place, file.problems)
    }
    if kinds.contains("tls-alpn-01") {
      warn(
        "tls-alpn-01", loaded.proxy.listeners.filter { $0.tls != nil }, 443, place, file.problems)
    }
  }

  private static func warn(
    _ challenge: String, _ listeners: [ProxyConfiguration.Listener], _ port: UInt16,
    _ place: SourcePlace, _ problems: Problems
  ) {
    let what = challenge == "http-01" ? "without certificates" : "with certificates"
    guard !listeners.isEmpty else {
      return problems.warning(
        place,
        "acme: \(challenge) needs a listener \(what), which authorities reach on port \(port)")
    }
    guard !listeners.contains(where: { $0.access?.isForMost ?? true }) else { return }
    problems.warning(
      place,
      "acme: the policy lets few connect to listener \(listeners[0].name): the proxy lets authorities "
        + "through to a live challenge, but where the kernel enforces the policy, \(challenge) fails; "
        + "open port \(port) to any, or write challenge: dns-01")
  }
}

extension AccessRules {
  /// Half of all IPv4 addresses at least.
  fileprivate var isForMost: Bool {
    ipv4.reduce(UInt64(0)) { $0 + UInt64($1.last - $1.first) + 1 } >= 1 << 31
  }
}
