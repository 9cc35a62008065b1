internal import Certificates
internal import Configuration
public import Foundation

extension Status {
  /// One certificate of one listener, as it is served or not.
  public struct Certificate: Codable, Sendable {
    public enum State: String, Codable, Sendable {
      case ok
      /// Less of its life is left than it should have been renewed at.
      case expiring
      case expired
      /// A newer one was found and stopped; this goes on.
      case kept
      /// Not served.
      case refused
    }

    public let listener: String
    public let name: String
    public let names: [String]
    public let keyType: String?
    public let issuer: String?
    public let serial: String?
    public let notBefore: Date?
    public let notAfter: Date?
    /// What is left of its life, 1 when new, below 0 when expired.
    public let lifeLeft: Double?
    public let leafSha256: String?
    public let state: State
    public let problems: [String]
    public let warnings: [String]
  }
}

extension Status {
  /// One certificate that is fetched from an authority, and when it is due.
  public struct Renewal: Codable, Sendable {
    public let certificate: String
    public let authority: String?
    public let renewsAt: Date
    /// `missing`, `lifetime`, or `authority` where it says when (RFC 9773).
    public let reason: String
    /// Attempts in a row that came to nothing.
    public let failures: Int
    public let lastProblem: String?
    public let nextAttempt: Date?

    init(_ outlook: Issuance.Outlook) {
      certificate = outlook.certificate
      authority = outlook.authority
      renewsAt = outlook.renewsAt
      reason = outlook.reason.rawValue
      failures = outlook.failures
      lastProblem = outlook.failures > 0 ? outlook.lastProblem : nil
      nextAttempt = outlook.nextAttempt
    }
  }
}

extension [Status.Certificate] {
  init(_ served: [String: ServedCertificates], now: Date) {
    self = served.sorted { $0.key < $1.key }.flatMap { listener, one in
      one.entries.map {
        let shared = one.owners.warnings(of: $0.name).map { "names: \($0)" }
        return Status.Certificate($0, shared, listener: listener, now: now)
      }
    }
  }
}

extension Status.Certificate {
  /// Renewal begins at a third; below this it has failed for a while.
  static let lifeLeftLimit = 0.2

  /// `shared`: what there is to say of names that another bears, too.
  init(_ entry: ServedCertificates.Entry, _ shared: [String], listener: String, now: Date) {
    let facts = entry.facts
    self.listener = listener
    name = entry.name
    names = facts?.names.map(\.description) ?? []
    keyType = facts?.keyType
    issuer = facts?.issuer
    serial = facts?.serial
    notBefore = facts?.notBefore
    notAfter = facts?.notAfter
    let left = facts.map { facts in
      let life = facts.notAfter.timeIntervalSince(facts.notBefore)
      return life > 0 ? facts.notAfter.timeIntervalSince(now) / life : -1
    }
    lifeLeft = left.map { ($0 * 10_000).rounded() / 10_000 }
    leafSha256 = facts?.leafSHA256
    problems = entry.problems
    warnings = entry.warnings + (entry.certificate == nil ? [] : shared)
    if entry.certificate == nil {
      state = .refused
    } else if let left, left <= 0 {
      state = .expired
    } else if !entry.problems.isEmpty {
      state = .kept
    } else {
      state = (left ?? 1) < Self.lifeLeftLimit ? .expiring : .ok
    }
  }
}
