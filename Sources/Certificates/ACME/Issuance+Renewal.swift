public import Foundation

extension Issuance {
  /// How long the caller may sleep at most: plans and clocks change.
  static let wakeLimit: TimeInterval = 86_400
  static let wakeMinimum: TimeInterval = 10

  /// Those that are missing, name the wrong things, or are old enough; never one that is still good,
  /// nor one whose last attempt failed a moment ago.
  public func due(now: Date = Date()) -> [PlannedCertificate] {
    let outlooks = outlook(now: now)
    return plan.certificates.filter { planned in
      let own = outlooks.filter { $0.planned == planned.name }
      return own.contains { $0.renewsAt <= now }
        && own.allSatisfy { ($0.nextAttempt ?? now) <= now }
    }
  }

  /// When there is something to do again: a renewal, an attempt, a question to an authority.
  public func nextWake(now: Date = Date()) -> Date {
    var moments = outlook(now: now).map { max($0.renewsAt, $0.nextAttempt ?? $0.renewsAt) }
    let state = file.read()
    moments += followed(state).map { $0.information?.nextPoll ?? now }
    return min(
      max(moments.min() ?? .distantFuture, now + Self.wakeMinimum), now + Self.wakeLimit)
  }

  /// One entry for each key of each planned certificate, in the plan's order.
  public func outlook(now: Date = Date()) -> [Outlook] {
    let state = file.read()
    let all: [String: StoredCertificate]
    do throws(ACMEError) { all = try stored() } catch {
      // Nothing is ordered for want of a look at what is there.
      log("no certificate is renewed: \(error)")
      return []
    }
    return plan.certificates.flatMap { planned in
      planned.keys.map { kind in
        let stored = all[planned.folder(for: kind)]
        return outlook(of: planned, kind, stored, state, now)
      }
    }
  }

  /// Asks authorities when they want their certificates renewed, where it is time to ask (RFC 9773).
  public func refreshRenewalInformation(now: Date = Date()) {
    let waiting = followed(file.read()).filter { ($0.information?.nextPoll ?? now) <= now }
    // One visit to each, so that a dead one costs its time limit once.
    for (_, group) in Dictionary(grouping: waiting, by: \.authority.directory) {
      do throws(ACMEError) { try refresh(group, now: now) } catch {
        log("\(error); its certificates are renewed by what is known, or by their lifetime")
      }
    }
  }

  /// A certificate that serves and whose authority may say something about it.
  private struct Followed {
    let folder: String
    let authority: ACMEAuthority
    let identifier: String
    /// Of this very certificate.
    let information: RenewalInformation?
  }

  private func followed(_ state: RenewalState) -> [Followed] {
    let all = (try? stored()) ?? [:]
    return plan.certificates.flatMap { planned in
      planned.keys.map { planned.folder(for: $0) }
    }.compactMap { folder in
      guard let origin = state.origins[folder],
        let authority = plan.authorities.first(where: { $0.directory == origin.directory }),
        let identifier = all[folder]?.renewalIdentifier
      else { return nil }
      let known = origin.information?.identifier == identifier ? origin.information : nil
      return Followed(
        folder: folder, authority: authority, identifier: identifier, information: known)
    }
  }

  private func refresh(_ group: [Followed], now: Date) throws(ACMEError) {
    guard let authority = group.first?.authority else { return }
    // Written first: where that fails, nobody is asked, or he would be asked all the time.
    for each in group {
      var information = each.information ?? .init(identifier: each.identifier, nextPoll: now)
      information.nextPoll = now + RenewalInformation.shortestPoll
      try keep(information, of: each)
    }
    let client = try client(for: authority)
    for each in group {
      do throws(ACMEError) { try refresh(each, by: client, now: now) } catch {
        log("\(each.folder): \(authority.name) does not say when to renew it: \(error)")
        guard let wait = error.retryAfter else { continue }
        var information = each.information ?? .init(identifier: each.identifier, nextPoll: now)
        information.nextPoll = now + RenewalInformation.bounded(wait)
        try keep(information, of: each)
      }
    }
  }

  private func refresh(
    _ each: Followed, by client: ACMEClient, now: Date
  ) throws(ACMEError) {
    var information = each.information ?? .init(identifier: each.identifier, nextPoll: now)
    guard let answer = try client.renewalWindow(of: each.identifier) else {
      information.nextPoll = now + RenewalInformation.longestPoll
      return try keep(information, of: each)
    }
    var random = SystemRandomNumberGenerator()
    let before = information.selected
    information.take(answer.window, poll: answer.poll, now: now, using: &random)
    try keep(information, of: each)
    guard let moment = information.selected, moment != before else { return }
    let why = information.explanation.map { " (\($0))" } ?? ""
    log("\(each.folder): to be renewed at \(moment.formatted(.iso8601))\(why)")
  }

  private func keep(_ information: RenewalInformation, of each: Followed) throws(ACMEError) {
    try file.update { state in state.origins[each.folder]?.information = information }
  }

  private func outlook(
    of planned: PlannedCertificate, _ kind: KeyKind, _ stored: StoredCertificate?,
    _ state: RenewalState, _ now: Date
  ) -> Outlook {
    let folder = planned.folder(for: kind)
    let attempts = state.attempts[planned.name]
    let origin = state.origins[folder]
    let (moment, reason) = renewal(of: planned, kind, stored, origin, now)
    return Outlook(
      certificate: folder, planned: planned.name, authority: origin?.authority, renewsAt: moment,
      reason: reason, failures: attempts?.failures ?? 0, lastProblem: attempts?.problem,
      nextAttempt: attempts?.next,
      explanation: reason == .authority ? origin?.information?.explanation : nil)
  }

  private func renewal(
    of planned: PlannedCertificate, _ kind: KeyKind, _ stored: StoredCertificate?,
    _ origin: RenewalState.Origin?, _ now: Date
  ) -> (Date, Outlook.Reason) {
    guard let stored, let bundle = try? stored.load(),
      bundle.keyMatches, bundle.notAfter > now, bundle.keyType == kind.rawValue,
      Set(bundle.names).isSuperset(of: planned.names), !stored.isDevelopment
    else { return (now, .missing) }
    // One dated back too far would be due as soon as it is fetched, and so would the next one.
    let start = max(bundle.notBefore, min(stored.fetched ?? bundle.notBefore, bundle.notAfter))
    if let information = origin?.information, let selected = information.selected,
      information.identifier == stored.renewalIdentifier
    {
      let moment = RenewalSchedule.renewal(
        selected: selected, notBefore: start, notAfter: bundle.notAfter)
      return (moment, .authority)
    }
    let moment = RenewalSchedule.renewal(
      notBefore: start, notAfter: bundle.notAfter,
      jitter: RenewalSchedule.jitter(of: bundle.leafSHA256))
    return (moment, .lifetime)
  }
}

extension StoredCertificate {
  /// Made by this machine's own authority, which stands in until a real one is there.
  fileprivate var isDevelopment: Bool { known?.source == .development }

  /// When an authority signed it for us.
  fileprivate var fetched: Date? { known?.source == .acme ? known?.created : nil }

  private var known: VersionRecord? { (try? record()) ?? nil }
}
