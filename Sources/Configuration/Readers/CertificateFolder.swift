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

/// Finds chains and keys in a folder: `NAME.pem`, `NAME.crt` with `NAME.key`, or
/// `NAME/current/{fullchain,key}.pem`, and has each pass the gates.
public struct CertificateFolder: Sendable {
  static let byteLimit = 256 << 10
  static let countLimit = 10_000

  public let path: String

  public init(path: String) { self.path = path }

  /// The folder as a whole cannot be used.
  public struct Failure: Error, CustomStringConvertible {
    public let description: String
  }

  /// Sorted by name; one that is bad stops no other.
  public func read(now: Date = Date()) throws(Failure) -> [FoundCertificate] {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      throw Failure(
        description:
          "cannot read the folder \"\(path.shortened)\"; make it with: gatehouse cert dev")
    }
    let pairs = pairs(Set(names.filter { !$0.hasPrefix(".") }))
    guard pairs.count <= Self.countLimit else {
      throw Failure(
        description: "\(pairs.count) certificates in \"\(path)\"; at most \(Self.countLimit)")
    }
    var doubles: Set<String> = []
    for (one, other) in zip(pairs, pairs.dropFirst()) where one.name == other.name {
      doubles.insert(one.name)
    }
    return pairs.map { pair in
      guard !doubles.contains(pair.name) else {
        return refused(pair, "parse: \(pair.chain) has a namesake here; keep one of them")
      }
      return read(pair, now)
    }
  }

  private struct Pair {
    var name: String
    var chain: String
    var key: String
    var isVersioned = false
  }

  private func pairs(_ names: Set<String>) -> [Pair] {
    var pairs: [Pair] = []
    for name in names.sorted() {
      if name.hasSuffix(".pem") {
        pairs.append(Pair(name: String(name.dropLast(4)), chain: name, key: name))
      } else if name.hasSuffix(".crt") {
        let stem = String(name.dropLast(4))
        pairs.append(Pair(name: stem, chain: name, key: stem + ".key"))
      } else if isLink("\(path)/\(name)/current") {
        let folder = "\(name)/current"
        pairs.append(
          Pair(
            name: name, chain: "\(folder)/fullchain.pem", key: "\(folder)/key.pem",
            isVersioned: true))
      }
    }
    return pairs.sorted { $0.name < $1.name }
  }

  /// A link that leads nowhere, too: its certificate must be missed, not forgotten.
  private func isLink(_ file: String) -> Bool {
    (try? FileManager.default.attributesOfItem(atPath: file)) != nil
  }

  private func read(_ pair: Pair, _ now: Date) -> FoundCertificate {
    do throws(Failure) {
      let chain = try file(pair.chain)
      let key = pair.chain == pair.key ? chain : try file(pair.key)
      let report = CertificateGates.check(
        chainPEM: chain.bytes, keyPEM: key.bytes, name: "\(path)/\(pair.chain)",
        keyFile: KeyFile(path: "\(path)/\(pair.key)", mode: key.mode), now: now)
      return found(pair, chain.bytes, key.bytes, report, now)
    } catch {
      return refused(pair, "parse: \(error.description)")
    }
  }

  private func found(
    _ pair: Pair, _ chain: [UInt8], _ key: [UInt8], _ report: GateReport, _ now: Date
  ) -> FoundCertificate {
    let isExpired = report.bundle.map { $0.notAfter <= now } ?? false
    let isOnlyExpired = isExpired && report.failures.allSatisfy { $0.gate == .validity }
    let isUsable = report.failures.isEmpty || isOnlyExpired
    return FoundCertificate(
      name: pair.name,
      certificate: isUsable ? .init(name: pair.name, chainPEM: chain, keyPEM: key) : nil,
      facts: report.bundle.map(CertificateFacts.init), problems: report.failures.map(Self.line),
      warnings: report.warnings.map(Self.line), isOnlyExpired: isOnlyExpired,
      isVersioned: pair.isVersioned)
  }

  private static func line(_ result: GateResult) -> String {
    "\(result.gate.rawValue): \(result.message)"
  }

  private func refused(_ pair: Pair, _ why: String) -> FoundCertificate {
    FoundCertificate(
      name: pair.name, certificate: nil, facts: nil, problems: [why], warnings: [],
      isOnlyExpired: false, isVersioned: pair.isVersioned)
  }

  private func file(_ name: String) throws(Failure) -> FileReader.File {
    do throws(FileReader.Failure) {
      return try FileReader.read("\(path)/\(name)", limit: Self.byteLimit)
    } catch {
      throw Failure(description: "cannot read \"\(path)/\(name)\": \(error.text)")
    }
  }
}
