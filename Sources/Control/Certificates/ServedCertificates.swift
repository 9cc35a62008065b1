internal import Certificates
internal import Configuration
internal import Firewall
internal import Foundation
internal import Proxy

/// What one listener serves, and what was found in its folder since: decides which of the two goes on.
///
/// A new one that is bad never takes the place of a good one, nor stops any other.
struct ServedCertificates {
  /// How an entry came to be served, or not.
  struct Entry {
    let name: String
    var outcome: CertificateRefresh.Entry.Outcome
    var certificate: ProxyConfiguration.Certificate?
    var facts: CertificateFacts?
    var problems: [String]
    var warnings: [String]
    /// What was served before.
    var before: Before?
    /// In the folder still.
    var isFound = true
  }

  struct Before {
    let certificate: ProxyConfiguration.Certificate
    let facts: CertificateFacts?
  }

  private(set) var entries: [Entry] = []
  /// Which of them serves a name that several bear; as of the last settling.
  private(set) var owners = NameOwners([NameOwners.Bearer]())

  /// With no process before: whatever can be served is.
  init(starting found: [FoundCertificate]) {
    entries = found.map { one in
      Entry(
        name: one.name, outcome: one.certificate == nil ? .refused : .serving,
        certificate: one.certificate, facts: one.facts, problems: one.problems,
        warnings: one.warnings)
    }
  }

  /// `isAsked`: somebody wants exactly these, so that one older than before is no slip.
  init(
    _ before: ServedCertificates, found: [FoundCertificate], isAsked: Bool, routed hosts: [String]
  ) {
    let known = Dictionary(
      before.entries.filter(\.isFound).map { ($0.name, $0) }, uniquingKeysWith: { one, _ in one })
    entries = found.map { Self.entry($0, known[$0.name], isAsked) }
    let names = Set(found.map(\.name))
    for old in before.entries where old.certificate != nil && !names.contains(old.name) {
      var gone = old
      gone.outcome = .removed
      gone.before = Before(old)
      gone.certificate = nil
      gone.isFound = false
      gone.problems = []
      gone.warnings = []
      entries.append(gone)
    }
    keepNames(of: hosts, isAsked: isAsked)
  }

  /// Where two bear a name, the first has it: what has expired comes last.
  var certificates: [ProxyConfiguration.Certificate] {
    let now = Date()
    let good = entries.filter { $0.facts.map { $0.notAfter > now } ?? true }
    let expired = entries.filter { $0.facts.map { $0.notAfter <= now } ?? false }
    return (good + expired).compactMap(\.certificate)
  }

  /// Indices of what has to be asked for after it was put to work.
  var changed: [Int] { entries.indices.filter { entries[$0].outcome == .serving } }

  var isChanged: Bool {
    entries.contains { $0.outcome == .serving || $0.outcome == .removed }
  }

  /// A gate, OpenSSL or a probe has stopped it: what was served before goes on, or nothing.
  mutating func stop(_ index: Int, _ problems: [String]) {
    entries[index].problems += problems
    let before = entries[index].before
    entries[index].certificate = before?.certificate
    entries[index].facts = before?.facts ?? entries[index].facts
    entries[index].outcome = before == nil ? .refused : .kept
  }

  /// What is no longer in the folder is forgotten once it is served no more.
  mutating func settle() {
    entries.removeAll { !$0.isFound && $0.certificate == nil }
    owners = nameOwners()
  }

  func nameOwners() -> NameOwners {
    NameOwners(
      entries.filter { $0.certificate != nil }.compactMap { one in one.facts?.bearer(one.name) })
  }

  /// Names that are served, as `CertificateFacts.covers` asks for them.
  var coveredNames: Set<String> {
    Set(
      entries.filter { $0.certificate != nil }.flatMap { $0.facts?.names ?? [] }.map(\.description))
  }

  private static func entry(_ found: FoundCertificate, _ old: Entry?, _ isAsked: Bool) -> Entry {
    var entry = Entry(
      name: found.name, outcome: .serving, certificate: found.certificate, facts: found.facts,
      problems: found.problems, warnings: found.warnings, before: old.flatMap(Before.init))
    guard let before = entry.before else {
      // What has expired takes nobody's place: only who starts with it has no better.
      if found.certificate == nil || found.isOnlyExpired {
        entry.outcome = .refused
        entry.certificate = nil
      }
      return entry
    }
    if found.certificate == before.certificate {
      entry.outcome = .unchanged
      return entry
    }
    if let new = found.facts, let last = before.facts, !isAsked, !found.isVersioned,
      new.notBefore < last.notBefore
    {
      entry.problems.append(
        "newest: it is older than the one that is served; if it is meant: gatehouse apply")
    }
    guard !entry.problems.isEmpty || found.certificate == nil else { return entry }
    entry.certificate = before.certificate
    entry.facts = before.facts
    entry.outcome = .kept
    return entry
  }

  /// A host that a route names and that had a certificate keeps one: what would take it away is not
  /// put to work.
  private mutating func keepNames(of hosts: [String], isAsked: Bool) {
    var covered = coveredNames
    for host in hosts where !covered.covers(host) {
      for index in entries.indices {
        let isGone = entries[index].outcome == .removed && !isAsked
        guard entries[index].outcome == .serving || isGone, let before = entries[index].before,
          before.facts?.covers(host) == true
        else { continue }
        stop(index, ["names: \(host), which a route names, would be without a certificate"])
        covered = coveredNames
      }
    }
  }
}

extension ServedCertificates.Before {
  init?(_ entry: ServedCertificates.Entry) {
    guard let certificate = entry.certificate else { return nil }
    self.init(certificate: certificate, facts: entry.facts)
  }
}

extension CertificateFacts {
  func covers(_ host: String) -> Bool { Set(names.map(\.description)).covers(host) }
}

extension Set<String> {
  /// Exact, or by a wildcard in place of one label.
  func covers(_ host: String) -> Bool {
    contains(host) || host.firstIndex(of: ".").map { contains("*" + host[$0...]) } ?? false
  }
}
