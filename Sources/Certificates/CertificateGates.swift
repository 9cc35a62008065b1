public import Foundation

/// One thing a certificate must prove before it may serve.
public enum CertificateGate: String, CaseIterable, Codable, Sendable {
  case parse
  case keyMatches = "key-matches"
  case keyPrivate = "key-private"
  case validity
  case names
  case chainOrder = "chain-order"
  case serverAuth = "server-auth"
  case keyUsage = "key-usage"
  case mustStaple = "must-staple"
  case notAuthority = "not-a-ca"
  case keySize = "key-size"
  case signature
}

/// What one gate says, and to a person.
public struct GateResult: Equatable, Codable, Sendable {
  public enum Outcome: String, Codable, Sendable { case passed, warning, failed }

  public let gate: CertificateGate
  public let outcome: Outcome
  public let message: String
}

/// What all the gates say of one certificate.
public struct GateReport: Equatable, Sendable {
  public let results: [GateResult]
  /// `nil` where the first gate, reading it, failed.
  public let bundle: CertificateBundle?

  public var failures: [GateResult] { results.filter { $0.outcome == .failed } }
  public var warnings: [GateResult] { results.filter { $0.outcome == .warning } }

  /// How many let it through, of how many: `12/12`.
  public var score: String {
    "\(results.count - failures.count)/\(CertificateGate.allCases.count)"
  }
}

/// Where a private key is, and who may do what with it.
public struct KeyFile: Sendable {
  public let path: String
  public let mode: UInt32

  public init(path: String, mode: UInt32) {
    self.path = path
    self.mode = mode
  }
}

/// The gates every certificate passes before it may serve; pure over what was read.
public enum CertificateGates {
  /// Below this much left, a certificate is let through with a warning.
  static let warningTime: TimeInterval = 7 * 86_400
  /// How far the clocks of an issuer and this machine may differ.
  static let clockSkew: TimeInterval = 5 * 60
  static let rsaBitMinimum = 2_048
  static let brokenDigests: Set<String> = ["MD2", "MD4", "MD5", "SHA1", "RSA-SHA1"]

  /// `keyFile`: where the key is and its mode, once it is on the disk.
  public static func check(
    chainPEM: [UInt8], keyPEM: [UInt8], name: String, keyFile: KeyFile? = nil, now: Date = Date()
  ) -> GateReport {
    do throws(CertificateError) {
      let bundle = try CertificateBundle(chainPEM: chainPEM, keyPEM: keyPEM, name: name)
      return check(bundle, keyFile: keyFile, now: now)
    } catch {
      let result = GateResult(gate: .parse, outcome: .failed, message: error.description)
      return GateReport(results: [result], bundle: nil)
    }
  }

  public static func check(
    _ bundle: CertificateBundle, keyFile: KeyFile? = nil, now: Date = Date()
  ) -> GateReport {
    let results = CertificateGate.allCases.map { gate in
      let (outcome, message) = verdict(of: gate, on: bundle, keyFile, now: now)
      return GateResult(gate: gate, outcome: outcome, message: message)
    }
    return GateReport(results: results, bundle: bundle)
  }

  private typealias Verdict = (GateResult.Outcome, String)

  private static func verdict(
    of gate: CertificateGate, on bundle: CertificateBundle, _ keyFile: KeyFile?, now: Date
  ) -> Verdict {
    switch gate {
    case .parse:
      (.passed, "\(bundle.chain.count) in the chain, key \(bundle.keyType)")
    case .keyMatches: keyMatches(bundle)
    case .keyPrivate: keyPrivate(keyFile)
    case .validity: validity(bundle, now)
    case .names:
      bundle.names.isEmpty
        ? (.failed, "no name in subjectAltName; clients no longer look at the subject")
        : (.passed, bundle.names.map(\.description).joined(separator: ", "))
    case .chainOrder: chainOrder(bundle)
    case .serverAuth: serverAuth(bundle)
    case .notAuthority:
      bundle.leaf.isAuthority
        ? (.failed, "an authority's certificate cannot serve; issue one below it (CA:FALSE)")
        : (.passed, "not an authority")
    case .keyUsage:
      bundle.leaf.maySign
        ? (.passed, "the key may sign")
        : (.failed, "its key usage leaves out digitalSignature, which TLS 1.3 needs")
    case .mustStaple:
      bundle.leaf.mustStaple
        ? (.failed, "asks for an OCSP staple (must-staple), which is not served; issue one without")
        : (.passed, "asks for no OCSP staple")
    case .keySize: keySize(bundle)
    case .signature: signature(bundle)
    }
  }

  private static func keyMatches(_ bundle: CertificateBundle) -> Verdict {
    if bundle.keyMatches { return (.passed, "the key belongs to the certificate") }
    if let place = bundle.chain.firstIndex(where: \.isOfKey) {
      return (
        .failed,
        "the private key belongs to the certificate at place \(place + 1) of the file, "
          + "\(bundle.chain[place].subject); put that one first"
      )
    }
    return (.failed, "the private key does not belong to \(bundle.subject)")
  }

  private static func keyPrivate(_ file: KeyFile?) -> Verdict {
    guard let file, file.mode & 0o077 != 0 else { return (.passed, "nobody else may read the key") }
    return (.failed, "others may read the key; type: chmod 600 \(file.path)")
  }

  private static func validity(_ bundle: CertificateBundle, _ now: Date) -> Verdict {
    for link in bundle.chain {
      let early = link.notBefore.timeIntervalSince(now)
      let left = link.notAfter.timeIntervalSince(now)
      if left <= 0 { return (.failed, "\(link.subject) expired on \(day(link.notAfter))") }
      if early > clockSkew {
        return (.failed, "\(link.subject) is not valid before \(day(link.notBefore))")
      }
      if early > 0 { return (.warning, "valid in \(Int(early)) s; is this machine's clock slow?") }
      if left < warningTime {
        return (.warning, "\(link.subject) expires on \(day(link.notAfter)), in less than 7 days")
      }
    }
    return (.passed, "valid until \(day(bundle.notAfter))")
  }

  private static func chainOrder(_ bundle: CertificateBundle) -> Verdict {
    if let place = bundle.chain.firstIndex(where: \.isOfKey), place > 0 {
      return (.failed, "the server's certificate stands at place \(place + 1); it must come first")
    }
    guard let broken = bundle.chain.firstIndex(where: { !$0.isSignedByNext }) else {
      return (.passed, "each is signed by the next")
    }
    let next = bundle.chain[broken + 1]
    return (
      .failed,
      "\(bundle.chain[broken].subject) is not signed by the next, \(next.subject); "
        + "order the file: server, intermediates, root last or left out"
    )
  }

  private static func serverAuth(_ bundle: CertificateBundle) -> Verdict {
    switch bundle.purpose {
    case .server: (.passed, "made for servers")
    case .unsaid: (.warning, "does not say serverAuth; some clients refuse it")
    case .other: (.failed, "made for another use than a server's (no serverAuth)")
    }
  }

  private static func keySize(_ bundle: CertificateBundle) -> Verdict {
    for link in bundle.chain where link.isRSA && link.keyBits < rsaBitMinimum {
      return (.failed, "\(link.subject) has \(link.keyType); at least \(rsaBitMinimum) bits")
    }
    return (.passed, bundle.keyType)
  }

  private static func signature(_ bundle: CertificateBundle) -> Verdict {
    // Nobody relies on a root's signature over itself; a server's own is what clients see.
    for (index, link) in bundle.chain.enumerated() where index == 0 || !link.isSelfSigned {
      if let digest = link.signatureDigest, brokenDigests.contains(digest) {
        return (.failed, "\(link.subject) is signed over \(digest), which can be forged")
      }
    }
    return (.passed, bundle.leaf.signatureDigest ?? "a scheme without a digest")
  }

  private static func day(_ date: Date) -> String {
    String(date.formatted(.iso8601).prefix(10))
  }
}
