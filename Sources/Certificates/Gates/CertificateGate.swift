/// One thing a certificate must prove before it may serve.
public enum CertificateGate: String, CaseIterable, Codable, Sendable {
  case readable
  case parse
  case keyParse = "key-parse"
  case keyPrivate = "key-private"
  case oneLeaf = "one-leaf"
  case keyMatches = "key-matches"
  case validity
  case names
  case namesCover = "names-cover"
  case chainOrder = "chain-order"
  case chainComplete = "chain-complete"
  case notAuthority = "not-a-ca"
  case serverAuth = "server-auth"
  case keyUsage = "key-usage"
  case keySize = "key-size"
  case signature
  case serial
  case mustStaple = "must-staple"
  case notOlder = "not-older"
  case notCompromised = "not-compromised"
  case transparency
  case lifetime

  /// Asked only where there is a key.
  public static let ofKey: Set<CertificateGate> = [.keyParse, .keyPrivate, .keyMatches]
}

/// What one gate says, and to a person.
public struct GateResult: Equatable, Codable, Sendable {
  public enum Outcome: String, Codable, Sendable { case passed, warning, failed }

  public let gate: CertificateGate
  public let outcome: Outcome
  public let message: String

  public init(gate: CertificateGate, outcome: Outcome, message: String) {
    self.gate = gate
    self.outcome = outcome
    self.message = message
  }
}

/// What all the gates say of one certificate.
public struct GateReport: Equatable, Sendable {
  public let results: [GateResult]
  /// `nil` where it could not be read.
  public let bundle: CertificateBundle?
  /// Where its chain ends; `nil` where it could not be read.
  public let chainVerdict: ChainVerdict?

  public var failures: [GateResult] { results.filter { $0.outcome == .failed } }
  public var warnings: [GateResult] { results.filter { $0.outcome == .warning } }

  /// Whether it may serve.
  public var isGood: Bool { bundle != nil && failures.isEmpty }

  /// One line for each failure, the gate's name in front.
  public var problems: [String] { failures.map { "\($0.gate.rawValue): \($0.message)" } }

  /// How many let it through, of how many: `22/22`.
  public var score: String {
    let hasKey = bundle == nil || results.contains { $0.gate == .keyParse }
    let all = CertificateGate.allCases.filter { hasKey || !CertificateGate.ofKey.contains($0) }
    return "\(results.count - failures.count)/\(all.count)"
  }

  init(
    results: [GateResult], bundle: CertificateBundle? = nil, chainVerdict: ChainVerdict? = nil
  ) {
    self.results = results
    self.bundle = bundle
    self.chainVerdict = chainVerdict
  }

  /// Stopped where its files were read.
  init(unreadable error: CertificateError) {
    self.init(
      results: [.init(gate: .readable, outcome: .failed, message: error.description)])
  }
}
