/// What one worker's listeners choose their certificates with, by the listeners' names.
final class Selectors {
  private let selectors: [String: CertificateSelector]
  private let challenges: LiveChallenges

  init(
    _ listeners: [ProxyConfiguration.Listener], keys: TicketKeys, answering: [ACMEChallenge]
  ) throws(TLSContextError) {
    challenges = LiveChallenges()
    _ = challenges.replace(with: answering)
    var selectors: [String: CertificateSelector] = [:]
    for listener in listeners {
      guard let tls = listener.tls else { continue }
      selectors[listener.name] = try CertificateSelector(
        tls, keys: keys, challenges: challenges, of: listener.name)
    }
    self.selectors = selectors
  }

  subscript(_ listener: String) -> CertificateSelector? { selectors[listener] }

  var hasHTTPChallenges: Bool { challenges.hasHTTP }
  var hasTLSChallenges: Bool { challenges.hasTLS }

  func challengeBody(for path: Span<UInt8>) -> [UInt8]? { challenges.body(for: path) }

  /// In place of the challenges before; says what is wrong with one.
  func answer(_ all: [ACMEChallenge]) -> String? { challenges.replace(with: all) }

  func use(_ keys: TicketKeys) {
    for selector in selectors.values { selector.sealer.keys = keys }
  }
}
