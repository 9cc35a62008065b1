public import Foundation

/// Which certificate serves a name that several of a folder bear: of each kind of key the first that
/// has not expired, in the folder's order, which is that of their own names.
public struct NameOwners: Sendable {
  /// A certificate that may be served.
  public struct Bearer: Sendable {
    let certificate: String
    let names: [ServerName]
    let kind: Substring
    let notAfter: Date

    /// `keyType`: as `CertificateBundle` has it.
    public init(certificate: String, names: [ServerName], keyType: String, notAfter: Date) {
      self.certificate = certificate
      self.names = names
      // `rsa-pss-2048`, `ecdsa-p256`, `ed25519`: keys of one kind take each other's place.
      kind = keyType[..<(keyType.lastIndex(of: "-") ?? keyType.endIndex)]
      self.notAfter = notAfter
    }
  }

  private struct Key: Hashable {
    let name: ServerName
    let kind: Substring
  }

  private var warnings: [String: [String]] = [:]
  private var hidden: Set<String> = []
  /// Warnings of one certificate; what is above is counted.
  private static let warningLimit = 3
  private static let nameLimit = 3

  public init(_ bearers: [Bearer], now: Date = Date()) {
    let order = bearers.filter { $0.notAfter > now } + bearers.filter { $0.notAfter <= now }
    var owners: [Key: String] = [:]
    for bearer in order {
      var lost: [String: [ServerName]] = [:]
      var shown = 0
      for name in bearer.names {
        let owner = owners[Key(name: name, kind: bearer.kind), default: bearer.certificate]
        owners[Key(name: name, kind: bearer.kind)] = owner
        if owner == bearer.certificate { shown += 1 } else { lost[owner, default: []].append(name) }
      }
      if shown == 0, !bearer.names.isEmpty { hidden.insert(bearer.certificate) }
      let why = bearer.notAfter <= now ? "this one has expired" : "it comes first by its name"
      for (owner, names) in lost.sorted(by: { $0.key < $1.key }) {
        let list = Self.list(names)
        add(
          "\(list): served by certificate \"\(owner)\", which bears \(names.count == 1 ? "it" : "them")"
            + ", too, since \(why); this one, \"\(bearer.certificate)\", is not shown there: keep one",
          to: bearer.certificate)
        add(
          "\(list): served by this one, \"\(owner)\"; certificate \"\(bearer.certificate)\" bears "
            + "\(names.count == 1 ? "it" : "them"), too, and is not shown there: keep one",
          to: owner)
      }
    }
  }

  /// What there is to say of names that this certificate shares with another, one line each.
  public func warnings(of certificate: String) -> [String] {
    let all = warnings[certificate] ?? []
    guard all.count > Self.warningLimit else { return all }
    return all.prefix(Self.warningLimit)
      + ["\(all.count - Self.warningLimit) more certificates share names with this one"]
  }

  /// Others serve all its names, so that nobody is ever shown it.
  public func isHidden(_ certificate: String) -> Bool { hidden.contains(certificate) }

  private mutating func add(_ warning: String, to certificate: String) {
    warnings[certificate, default: []].append(warning)
  }

  private static func list(_ names: [ServerName]) -> String {
    let text = names.prefix(nameLimit).map(\.description).joined(separator: ", ")
    return names.count > nameLimit ? "\(text) and \(names.count - nameLimit) more" : text
  }
}

extension NameOwners {
  /// Of what may serve: good, or only expired.
  public init(_ all: [(name: String, report: GateReport)], now: Date = Date()) {
    self.init(
      all.compactMap { one in
        guard let bundle = one.report.bundle,
          one.report.failures.allSatisfy({ $0.gate == .validity })
        else { return nil }
        return Bearer(
          certificate: one.name, names: bundle.names, keyType: bundle.keyType,
          notAfter: bundle.notAfter)
      }, now: now)
  }

  /// The report of this certificate, with what there is to say of its names.
  public func added(to report: GateReport, of certificate: String) -> GateReport {
    let shared = warnings(of: certificate)
    guard !shared.isEmpty else { return report }
    let results = report.results.map { result in
      guard result.gate == .names, result.outcome != .failed else { return result }
      let all = (result.outcome == .warning ? [result.message] : []) + shared
      return GateResult(gate: .names, outcome: .warning, message: all.joined(separator: "; "))
    }
    return GateReport(results: results, bundle: report.bundle, chainVerdict: report.chainVerdict)
  }
}

extension CertificateStore {
  /// All that serve, through the gates, with what there is to say of names they share.
  public func reports(
    in context: GateContext
  ) throws(CertificateError) -> [(stored: StoredCertificate, report: GateReport)] {
    let all = try list().map { ($0, $0.check(in: context)) }
    let owners = NameOwners(
      all.filter { $0.0.isServing }.map { ($0.0.name, $0.1) }, now: context.now)
    return all.map { stored, report in
      (stored, stored.isServing ? owners.added(to: report, of: stored.name) : report)
    }
  }
}
