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
      let words =
        "the TXT record has not arrived at \(servers.joined(separator: ", ")) after "
        + "\(propagation.limit.components.seconds) s"
      switch publisher {
      case .update: throw ACMEError(name, words)
      case .hook:
        // The servers this machine is told of may not be those the world asks.
        log("\(name): \(words); the authority is asked to look all the same")
      }
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
