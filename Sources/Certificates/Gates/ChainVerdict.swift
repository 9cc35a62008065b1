internal import Foundation

/// Where a chain ends, as clients will see it.
public enum ChainVerdict: Equatable, Sendable {
  /// At an authority that clients in general trust.
  case publicRoot(String)
  /// At an authority that is known here, or stands in the file itself.
  case privateRoot(String)
  /// The certificate vouches for itself.
  case selfSigned
  /// At an intermediate or a server's certificate whose issuer nobody here knows.
  case unknownIssuer(String, isPublic: Bool)
  /// What is missing, and how we know.
  case missingIntermediate(issuer: String, because: String)
  case broken(String)
}

extension ChainVerdict {
  /// Judges an ordered chain; `formerIntermediates` are subjects in the chain that serves now.
  init(
    _ chain: [X509Certificate], trust: TrustedRoots, formerIntermediates: Set<String>, now: Date
  ) throws(CertificateError) {
    guard let leaf = chain.first, let last = chain.last else {
      throw CertificateError("chain", "no certificate in the file")
    }
    if chain.count == 1, leaf.isSelfSigned {
      self = .selfSigned
      return
    }
    let judged = try trust.publicRoots().verify(chain, now: now)
    if let verdict = judged.verdict(Self.publicRoot) {
      self = verdict
      return
    }
    let known = trust.privatePEM.isEmpty ? [] : try X509Certificate.readAll(trust.privatePEM)
    let privateRoots = try RootStore(holding: known + (last.isSelfSigned ? [last] : []))
    if let verdict = privateRoots.verify(chain, now: now).verdict(Self.privateRoot) {
      self = verdict
      return
    }
    // What the chain holds must be in order even where its end is not known.
    if chain.count > 1,
      case .broken(let why) = try RootStore(holding: [last]).verify(chain, now: now)
    {
      self = .broken(why)
      return
    }
    let hint = Self.hint(leaf, formerIntermediates)
    if chain.count > 1 {
      // What follows an intermediate is most often a root, and our list of roots may be old.
      self = .unknownIssuer(last.issuer, isPublic: leaf.hasPublicPolicy || leaf.timestampCount > 0)
    } else if let hint {
      self = .missingIntermediate(issuer: last.issuer, because: hint)
    } else {
      self = .unknownIssuer(last.issuer, isPublic: false)
    }
  }

  /// Why its issuer must be an intermediate; nil where it may as well be a private root.
  private static func hint(_ leaf: X509Certificate, _ former: Set<String>) -> String? {
    if former.contains(leaf.issuer) { return "the current version's chain has it" }
    if leaf.hasPublicPolicy { return "it follows the rules of public authorities" }
    if leaf.timestampCount > 0 { return "it is logged as those of public authorities are" }
    if leaf.namesIssuerURL { return "it says where its issuer's certificate can be fetched" }
    return nil
  }
}
