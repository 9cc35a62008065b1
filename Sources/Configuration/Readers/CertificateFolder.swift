public import Certificates
import Firewall
public import Foundation
public import Proxy

/// One certificate of a folder: what may be served of it, and what the gates say.
public struct FoundCertificate: Sendable {
  public let name: String
  /// Nil where it cannot be served whatever happens.
  public let certificate: ProxyConfiguration.Certificate?
  public let facts: CertificateFacts?
  /// What stopped it, each `gate: why`; none when it may be served.
  public let problems: [String]
  public let warnings: [String]
  /// Only its date is against it: better than nothing, for who starts with it.
  public let isOnlyExpired: Bool
  /// Kept in versions, so that whoever made this one current has asked for it.
  public let isVersioned: Bool
}

/// What there is to say of a certificate that is served.
public struct CertificateFacts: Sendable, Equatable {
  public let names: [ServerName]
  public let issuer: String
  public let keyType: String
  public let serial: String
  public let notBefore: Date
  public let notAfter: Date
  public let leafSHA256: String

  init(_ bundle: CertificateBundle) {
    names = bundle.names
    issuer = bundle.issuer
    keyType = bundle.keyType
    serial = bundle.serial
    notBefore = bundle.notBefore
    notAfter = bundle.notAfter
    leafSHA256 = bundle.leafSHA256
  }
}

/// The chains and keys of a folder, each sent through the gates.
public struct CertificateFolder: Sendable {
  static let countLimit = 10_000

  public let path: String

  public init(path: String) { self.path = path }

  /// The folder as a whole cannot be used.
  public struct Failure: Error, CustomStringConvertible {
    public let description: String
  }

  /// Sorted by name; one that is bad stops no other.
  public func read(now: Date = Date()) throws(Failure) -> [FoundCertificate] {
    guard (try? FileManager.default.contentsOfDirectory(atPath: path)) != nil else {
      throw Failure(
        description:
          "cannot read the folder \"\(path.shortened)\"; make it with: gatehouse cert dev")
    }
    do throws(CertificateError) {
      let store = CertificateStore(directory: path)
      let all = try store.list().filter(\.isServing)
      guard all.count <= Self.countLimit else {
        throw CertificateError(path, "\(all.count) certificates; at most \(Self.countLimit)")
      }
      let context = try store.context(now: now)
      let names = Dictionary(grouping: all, by: \.name)
      return all.map { one in
        guard names[one.name]?.count == 1 else { return Self.namesake(one) }
        return Self.found(one, context)
      }
    } catch { throw Failure(description: error.description) }
  }

  private static func found(_ stored: StoredCertificate, _ context: GateContext) -> FoundCertificate
  {
    let (report, key) = stored.examine(in: context)
    let isExpired = report.bundle.map { $0.notAfter <= context.now } ?? false
    let isOnlyExpired = isExpired && report.failures.allSatisfy { $0.gate == .validity }
    var certificate: ProxyConfiguration.Certificate?
    if let bundle = report.bundle, report.failures.isEmpty || isOnlyExpired {
      // In the order that clients need, whatever the file's.
      certificate = .init(name: stored.name, chainPEM: bundle.chainPEM, keyPEM: key)
    }
    return FoundCertificate(
      name: stored.name, certificate: certificate, facts: report.bundle.map(CertificateFacts.init),
      problems: report.problems,
      warnings: report.warnings.map { "\($0.gate.rawValue): \($0.message)" },
      isOnlyExpired: isOnlyExpired, isVersioned: stored.version != nil)
  }

  private static func namesake(_ stored: StoredCertificate) -> FoundCertificate {
    FoundCertificate(
      name: stored.name, certificate: nil, facts: nil,
      problems: ["readable: \(stored.chainPath) has a namesake here; keep one of them"],
      warnings: [], isOnlyExpired: false, isVersioned: stored.version != nil)
  }
}

extension NameOwners {
  /// Of what a listener with this folder would serve.
  public init(_ found: [FoundCertificate], now: Date = Date()) {
    self.init(
      found.filter { $0.certificate != nil }.compactMap { one in
        one.facts.map { $0.bearer(one.name) }
      }, now: now)
  }
}

extension CertificateFacts {
  public func bearer(_ certificate: String) -> NameOwners.Bearer {
    .init(certificate: certificate, names: names, keyType: keyType, notAfter: notAfter)
  }
}
