public import Certificates
internal import Foundation
internal import Proxy

/// The body of `PUT /v1/challenges/ID`: one of the two kinds.
public struct ChallengeBody: Codable, Sendable {
  /// http-01.
  public var token: String?
  public var body: String?
  /// tls-alpn-01.
  public var host: String?
  public var chain: String?
  public var key: String?

  /// Nil for what is not answered by listeners.
  public init?(_ challenge: LiveChallenge) {
    switch challenge {
    case .http(let token, let body):
      self.token = token
      self.body = body
    case .tlsALPN(let name, let certificate):
      host = name
      chain = String(decoding: certificate.chainPEM, as: UTF8.self)
      key = String(decoding: certificate.keyPEM, as: UTF8.self)
    case .dns: return nil
    }
  }

  var challenge: ACMEChallenge? {
    if let token, let body, Self.isToken(token), body.utf8.count <= 512 {
      return .http(token: token, body: body)
    }
    guard let host, let chain, let key else { return nil }
    return .tlsALPN(
      host: host,
      .init(name: "challenge", chainPEM: Array(chain.utf8), keyPEM: Array(key.utf8)))
  }

  /// Of base64url (RFC 8555, section 8.3).
  private static func isToken(_ text: String) -> Bool {
    (1...256).contains(text.utf8.count)
      && text.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x61...0x7a).contains($0 | 0x20) || $0 == 0x2d || $0 == 0x5f
      }
  }

  /// The same challenge has the same.
  var id: String { token ?? "tls-\(host ?? "")" }
}

/// Has a running process answer a command's challenges.
public struct AdminPublisher: ChallengePublisher {
  private let client: AdminClient

  public init(_ client: AdminClient) { self.client = client }

  public func present(_ challenge: LiveChallenge) throws {
    guard let body = ChallengeBody(challenge) else { return }
    try client.present(body.id, body)
  }

  public func withdraw(_ challenge: LiveChallenge) {
    guard let body = ChallengeBody(challenge) else { return }
    try? client.withdraw(body.id)
  }
}

/// The running process's own.
struct BoardPublisher: ChallengePublisher {
  let board: ChallengeBoard

  struct Failure: Error, CustomStringConvertible { let description: String }

  func present(_ challenge: LiveChallenge) throws {
    guard let body = ChallengeBody(challenge), let answer = body.challenge else { return }
    guard board.present(body.id, answer) else {
      throw Failure(description: "not every worker answers the challenge")
    }
  }

  func withdraw(_ challenge: LiveChallenge) {
    if let body = ChallengeBody(challenge) { board.withdraw(body.id) }
  }
}
