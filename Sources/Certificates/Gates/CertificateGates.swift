public import Foundation

/// The gates every certificate passes before it may serve; pure over what was read.
public enum CertificateGates {
  /// Below this much left, a certificate is let through with a warning.
  static let warningTime: TimeInterval = 7 * 86_400
  /// The same, as a share of its lifetime; the shorter of both counts.
  static let warningShare = 0.2
  /// How far the clocks of an issuer and this machine may differ.
  static let clockSkew: TimeInterval = 5 * 60
  /// An authority may date what it makes this very moment a few seconds ahead.
  static let freshness: TimeInterval = 5
  static let rsaBitMinimum = 2_048
  static let ellipticBitMinimum = 256
  static let brokenDigests: Set<String> = ["MD2", "MD4", "MD5", "SHA1", "RSA-SHA1"]

  typealias Verdict = (outcome: GateResult.Outcome, message: String)

  public static func check(
    chainPEM: [UInt8], keyPEM: [UInt8], name: String, keyFile: KeyFile? = nil, now: Date = Date()
  ) -> GateReport {
    check(
      chainPEM: chainPEM, keyPEM: keyPEM, name: name,
      context: GateContext(now: now, keyFile: keyFile))
  }

  /// `keyPEM` is nil for a certificate whose key another machine has.
  public static func check(
    chainPEM: [UInt8], keyPEM: [UInt8]?, name: String, context: GateContext
  ) -> GateReport {
    var results = [GateResult(gate: .readable, outcome: .passed, message: "read")]
    var key: PrivateKey?
    var keyFault: CertificateError?
    if let keyPEM {
      do throws(CertificateError) {
        key = try PrivateKey.read(from: keyPEM, of: name)
      } catch {
        keyFault = error
      }
    }
    let bundle: CertificateBundle
    let verdict: ChainVerdict
    do throws(CertificateError) {
      bundle = try CertificateBundle(chainPEM: chainPEM, key: key, name: name)
      verdict = try chainVerdict(bundle, context)
    } catch {
      results.append(.init(gate: .parse, outcome: .failed, message: error.description))
      return GateReport(results: results)
    }
    results.append(
      .init(gate: .parse, outcome: .passed, message: "\(bundle.chain.count) in the chain"))
    if keyPEM != nil {
      results.append(
        keyFault.map { .init(gate: .keyParse, outcome: .failed, message: $0.description) }
          ?? .init(gate: .keyParse, outcome: .passed, message: "a key without a passphrase"))
    }
    for gate in CertificateGate.allCases where !gate.isOfReading {
      guard keyPEM != nil || !CertificateGate.ofKey.contains(gate),
        keyFault == nil || gate != .keyMatches
      else { continue }
      let found = Self.verdict(of: gate, on: bundle, verdict, context)
      results.append(.init(gate: gate, outcome: found.outcome, message: found.message))
    }
    return GateReport(results: results, bundle: bundle, chainVerdict: verdict)
  }

  private static func chainVerdict(
    _ bundle: CertificateBundle, _ context: GateContext
  ) throws(CertificateError) -> ChainVerdict {
    let former = context.current?.chain.dropFirst().filter { !$0.isSelfSigned }.map(\.subject)
    return try ChainVerdict(
      try X509Certificate.readChain(from: bundle.chainPEM, of: bundle.subject),
      trust: context.trust, formerIntermediates: Set(former ?? []), now: context.now)
  }

  private static func verdict(
    of gate: CertificateGate, on bundle: CertificateBundle, _ chain: ChainVerdict,
    _ context: GateContext
  ) -> Verdict {
    switch gate {
    case .readable, .parse, .keyParse: (.passed, "read")
    case .keyPrivate: keyPrivate(context.keyFile)
    case .oneLeaf: oneLeaf(bundle)
    case .keyMatches: keyMatches(bundle)
    case .validity: validity(bundle, context.now)
    case .names: names(bundle)
    case .namesCover: namesCover(bundle, context)
    case .chainOrder: chainOrder(bundle)
    case .chainComplete: chainComplete(bundle, chain)
    case .serverAuth: serverAuth(bundle)
    case .notAuthority: notAuthority(bundle)
    case .keyUsage: keyUsage(bundle)
    case .mustStaple: mustStaple(bundle)
    case .keySize: keySize(bundle)
    case .signature: signature(bundle)
    case .serial: serial(bundle)
    case .notOlder: notOlder(bundle, context)
    case .notCompromised: notCompromised(bundle, context)
    case .transparency: transparency(bundle, chain)
    case .lifetime: lifetime(bundle, chain)
    }
  }

  static func day(_ date: Date) -> String {
    String(date.formatted(.iso8601).prefix(10))
  }
}

extension CertificateGate {
  fileprivate var isOfReading: Bool { self == .readable || self == .parse || self == .keyParse }
}
