internal import Configuration
internal import Firewall
internal import Foundation
internal import Logging
internal import Proxy
internal import Synchronization

/// Puts certificates of a running process to work: read -> gates -> activate -> probe -> or back.
final class CertificateDesk: Sendable {
  private struct State {
    /// By listener.
    var served: [String: ServedCertificates] = [:]
    var folders: [String: String] = [:]
    /// Hosts that routes name in full.
    var hosts: [String] = []
    /// Folders that could not be read.
    var troubles: [String: String] = [:]
  }

  private let proxy: ProxyServer
  private let logger: Logger
  private let state = Mutex(State())
  /// One change at a time.
  private let working = Mutex<Void>(())

  init(_ proxy: ProxyServer, _ loaded: LoadedConfiguration, _ logger: Logger) {
    self.proxy = proxy
    self.logger = logger
    adopted(loaded, served: loaded.certificates.mapValues { ServedCertificates(starting: $0) })
  }

  var folders: [String: String] { state.withLock { $0.folders } }
  var served: [String: ServedCertificates] { state.withLock { $0.served } }
  var troubles: [String] { state.withLock { $0.troubles.values.sorted() } }

  /// Applies a configuration whole, its certificates with it; `adopt` puts it to work or throws.
  func apply(
    _ loaded: LoadedConfiguration, _ adopt: (ProxyConfiguration) throws -> Void
  ) throws {
    try working.withLock { _ in
      let (configuration, before) = prepared(loaded)
      var served = before
      try adopt(configuration)
      if probe(&served).isStopped { activate(&served) }
      adopted(loaded, served: served)
    }
  }

  /// Puts another configuration to work, with the certificates that are served now.
  func keepServed(
    in configuration: ProxyConfiguration, _ adopt: (ProxyConfiguration) throws -> Void
  ) throws {
    try working.withLock { _ in
      var configuration = configuration
      let served = served
      for index in configuration.listeners.indices {
        guard let own = served[configuration.listeners[index].name] else { continue }
        configuration.listeners[index].tls?.certificates = own.certificates
      }
      try adopt(configuration)
    }
  }

  /// A configuration that is to be applied, with what is served still in place of what is bad.
  private func prepared(
    _ loaded: LoadedConfiguration
  ) -> (configuration: ProxyConfiguration, served: [String: ServedCertificates]) {
    var configuration = loaded.proxy
    let before = served
    let hosts = loaded.proxy.namedHosts
    var served: [String: ServedCertificates] = [:]
    for index in configuration.listeners.indices {
      let name = configuration.listeners[index].name
      guard let found = loaded.certificates[name] else { continue }
      let next =
        before[name].map { ServedCertificates($0, found: found, isAsked: true, routed: hosts) }
        ?? ServedCertificates(starting: found)
      served[name] = next
      configuration.listeners[index].tls?.certificates = next.certificates
    }
    return (configuration, served)
  }

  private func adopted(_ loaded: LoadedConfiguration, served: [String: ServedCertificates]) {
    state.withLock {
      $0.folders = loaded.certificateFolders
      $0.hosts = loaded.proxy.namedHosts
      $0.troubles = [:]
      $0.served = served.mapValues { one in
        var settled = one
        settled.settle()
        return settled
      }
    }
    tell(served)
  }

  /// Hosts that routes name and no certificate serves, where all plain listeners only redirect.
  func uncovered(_ configuration: ProxyConfiguration) -> [String] {
    let isAllSecure = configuration.listeners.allSatisfy {
      $0.tls != nil || $0.redirectToHTTPSPort != nil
    }
    let served = served
    guard isAllSecure, !served.isEmpty else { return [] }
    let covered = served.values.map(\.coveredNames)
    return configuration.namedHosts.filter { host in
      !covered.contains { $0.covers(host) }
    }.map { "no certificate serves \($0), which a route names" }
  }

  /// Something was stopped, and may be good by now: time has passed, or a lack has ended.
  var hasStopped: Bool {
    state.withLock { state in
      state.served.values.contains { one in
        one.entries.contains { $0.outcome == .kept || $0.outcome == .refused }
      }
    }
  }

  /// Reads every folder anew and puts to work what has changed. `isAsked`: not by a file's change
  /// alone.
  func refresh(isAsked: Bool) -> CertificateRefresh {
    working.withLock { _ in
      let (before, folders, hosts) = state.withLock { ($0.served, $0.folders, $0.hosts) }
      var served = before
      var troubles: [String: String] = [:]
      for (listener, folder) in folders {
        do throws(CertificateFolder.Failure) {
          let found = try CertificateFolder(path: folder).read()
          served[listener] = ServedCertificates(
            served[listener] ?? ServedCertificates(starting: []), found: found, isAsked: isAsked,
            routed: hosts)
        } catch { troubles[listener] = "listener \(listener): \(error.description)" }
      }
      let probed = putToWork(&served)
      let answer = CertificateRefresh(
        served, in: folders, probed: probed, workers: proxy.workerCount)
      let hasNews = served.values.contains(where: \.isChanged)
      let settled = served.mapValues { one in
        var settled = one
        settled.settle()
        return settled
      }
      state.withLock { state in
        state.served = settled
        state.troubles = troubles
      }
      tellShared(settled, since: before)
      if hasNews || Self.problems(served) != Self.problems(before) { tell(served) }
      return answer
    }
  }

  /// How many workers showed each certificate that is new, by `listener/name`.
  private func putToWork(_ served: inout [String: ServedCertificates]) -> [String: Int] {
    guard served.values.contains(where: \.isChanged) else { return [:] }
    activate(&served)
    let (probed, isStopped) = probe(&served)
    if isStopped { activate(&served) }
    return probed
  }

  /// Asks for what is new; what is not shown by every worker is stopped.
  private func probe(
    _ served: inout [String: ServedCertificates]
  ) -> (probed: [String: Int], isStopped: Bool) {
    var probed: [String: Int] = [:]
    var isStopped = false
    for (listener, one) in served {
      let changed = one.changed
      let found = proxy.probe(
        listener: listener, certificates: changed.map { one.entries[$0].name })
      for index in changed {
        let name = one.entries[index].name
        guard let probe = found[name] else { continue }
        probed["\(listener)/\(name)"] = probe.workers
        guard !probe.problems.isEmpty else { continue }
        served[listener]?.stop(index, probe.problems.map { "probe: \($0)" })
        isStopped = true
      }
    }
    return (probed, isStopped)
  }

  /// Hands all to the workers; one that OpenSSL refuses is stopped, and the rest go on.
  private func activate(_ served: inout [String: ServedCertificates]) {
    while true {
      do throws(ProxyError) {
        return try proxy.adopt(certificates: served.mapValues(\.certificates))
      } catch {
        guard case .tls(let refusal) = error, stop(refusal, &served) else {
          logger.error("certificates were not taken over: \(error)")
          return
        }
      }
    }
  }

  private func stop(
    _ refusal: TLSContextError, _ served: inout [String: ServedCertificates]
  ) -> Bool {
    for (listener, one) in served {
      for index in one.changed where one.entries[index].name == refusal.subject {
        served[listener]?.stop(index, ["parse: \(refusal.reason)"])
        return true
      }
    }
    return false
  }

  private static func problems(_ served: [String: ServedCertificates]) -> [String: [[String]]] {
    served.mapValues { $0.entries.map(\.problems) }
  }

  /// Names that two certificates have come to bear.
  private func tellShared(
    _ served: [String: ServedCertificates], since before: [String: ServedCertificates]
  ) {
    for (listener, one) in served.sorted(by: { $0.key < $1.key }) {
      for entry in one.entries where entry.certificate != nil {
        let known = before[listener]?.owners.warnings(of: entry.name) ?? []
        for warning in one.owners.warnings(of: entry.name) where !known.contains(warning) {
          logger.warning(
            "certificate \"\(entry.name)\" of listener \(listener): names: \(warning)",
            metadata: .about(entry.name))
        }
      }
    }
  }

  private func tell(_ served: [String: ServedCertificates]) {
    for (listener, one) in served.sorted(by: { $0.key < $1.key }) {
      for entry in one.entries {
        let what = "certificate \"\(entry.name)\" of listener \(listener)"
        let why = entry.problems.joined(separator: "; ")
        let name = Logger.Metadata.about(entry.name)
        switch entry.outcome {
        case .unchanged: continue
        case .serving where entry.problems.isEmpty:
          logger.notice(
            "\(what) is served, until \(entry.facts?.notAfter.iso ?? "?")", metadata: name)
        case .serving:
          logger.error("\(what) is served for want of a better: \(why)", metadata: name)
        case .kept:
          logger.error(
            "\(what) was not taken over, the one before goes on: \(why)", metadata: name)
        case .refused: logger.error("\(what) is not served: \(why)", metadata: name)
        case .removed:
          logger.warning("\(what) is gone from its folder, and is served no more", metadata: name)
        }
      }
    }
  }
}

extension ProxyConfiguration {
  /// Hosts that routes name in full.
  var namedHosts: [String] {
    let hosts = routes.compactMap { route -> String? in
      if case .exact(let name) = route.host { return name }
      return nil
    }
    return Array(Set(hosts)).sorted()
  }
}

extension Date {
  /// `2027-01-21T10:00:00Z`
  var iso: String { formatted(.iso8601) }
}

extension CertificateRefresh {
  init(
    _ served: [String: ServedCertificates], in folders: [String: String], probed: [String: Int],
    workers: Int
  ) {
    self.workers = workers
    entries = served.sorted { $0.key < $1.key }.flatMap { listener, one in
      let owners = one.nameOwners()
      return one.entries.map { entry in
        Entry(
          listener: listener, folder: folders[listener].map(Self.absolute) ?? "", name: entry.name,
          outcome: entry.outcome,
          leafSHA256: entry.certificate == nil ? nil : entry.facts?.leafSHA256,
          problems: entry.problems, workersProbed: probed["\(listener)/\(entry.name)"] ?? 0,
          isHidden: entry.certificate != nil && owners.isHidden(entry.name))
      }
    }
  }

  /// As two processes would both write it, wherever each was started.
  public static func absolute(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
  }

  var problems: [String] { entries.flatMap(\.problems) }
}
