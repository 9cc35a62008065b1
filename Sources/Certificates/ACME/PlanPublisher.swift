/// Publishes answers as a plan says: TXT records by itself, the others by who serves clients.
struct PlanPublisher: ChallengePublisher {
  let kind: ChallengeKind
  /// For answers over HTTP and TLS.
  let edge: any ChallengePublisher
  let propagation: DNSPropagation
  let log: @Sendable (String) -> Void

  func present(_ challenge: LiveChallenge) throws {
    guard case .dns(let name, let value) = challenge, case .dns01(let publisher) = kind else {
      return try edge.present(challenge)
    }
    try DNSRecordWriter(publisher: publisher).make(.present, name: name, value: value)
    switch propagation.wait(for: value, at: name, by: publisher) {
    case .arrived: break
    case .unknown: log("\(name): no server of this name could be asked, so it is not waited for")
    case .missing(let servers):
      throw ACMEError(
        name,
        "the TXT record has not arrived at \(servers.joined(separator: ", ")) after "
          + "\(propagation.limit.components.seconds) s")
    }
  }

  func withdraw(_ challenge: LiveChallenge) {
    guard case .dns(let name, let value) = challenge, case .dns01(let publisher) = kind else {
      return edge.withdraw(challenge)
    }
    do throws(ACMEError) {
      try DNSRecordWriter(publisher: publisher).make(.cleanup, name: name, value: value)
    } catch {
      log("\(name): the TXT record stays, since it cannot be taken away: \(error)")
    }
  }
}
