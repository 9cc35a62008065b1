import Foundation
import Testing

@testable import Certificates

/// What answers Pebble's questions on loopback: a publisher that writes files for `responder.py`.
final class Responder: ChallengePublisher, @unchecked Sendable {
  let httpPort: Int
  let tlsPort: Int
  /// Publishes nothing, as an edge does that nobody reaches.
  var isSilent = false
  private let folder: String
  private let program: Background

  init(in workshop: Workshop) throws {
    folder = workshop.path("answers")
    for kind in ["http", "tls"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder)/\(kind)", withIntermediateDirectories: true)
    }
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Stubs/responder.py").path
    program = try Background("python3", [script, folder], log: workshop.path("responder.log"))
    let ports = try program.line(with: " ").split(separator: " ").compactMap { Int($0) }
    try #require(ports.count == 2, "\(program.log)")
    (httpPort, tlsPort) = (ports[0], ports[1])
  }

  func present(_ challenge: LiveChallenge) throws {
    if isSilent { return }
    switch challenge {
    case .http(_, let body): try write(Data(body.utf8), path(challenge))
    case .tlsALPN(_, let certificate):
      try write(Data(certificate.chainPEM + certificate.keyPEM), path(challenge))
    case .dns: throw Background.Missing("a publisher of the caller is never asked for DNS")
    }
  }

  func withdraw(_ challenge: LiveChallenge) {
    try? FileManager.default.removeItem(atPath: path(challenge))
  }

  /// What is still published.
  var published: [String] {
    ["http", "tls"].flatMap {
      (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\($0)")) ?? []
    }
  }

  private func path(_ challenge: LiveChallenge) -> String {
    switch challenge {
    case .http(let token, _): "\(folder)/http/\(token)"
    case .tlsALPN(let name, _): "\(folder)/tls/\(name).pem"
    case .dns: "\(folder)/none"
    }
  }

  private func write(_ bytes: Data, _ path: String) throws {
    try bytes.write(to: URL(fileURLWithPath: path), options: .atomic)
  }
}
