public import Foundation

extension Issuance {
  /// How long the caller may sleep at most: plans and clocks change.
  static let wakeLimit: TimeInterval = 86_400
  static let wakeMinimum: TimeInterval = 1

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
    return plan.certificates.flatMap { planned in
      planned.keys.map { outlook(of: planned, planned.folder(for: $0), $0, state, now) }
    }
  }

  /// Asks authorities when they want their certificates renewed, where it is time to ask (RFC 9773).
  public func refreshRenewalInformation(now: Date = Date()) {
    for each in followed(file.read()) where (each.information?.nextPoll ?? now) <= now {
      do throws(ACMEError) { try refresh(each, now: now) } catch {
        log("\(each.folder): its authority does not say when to renew it: \(error)")
        try? file.update { state in
          var information =
            each.information ?? RenewalInformation(identifier: each.identifier, nextPoll: now)
          information.nextPoll = now + RenewalInformation.bounded(error.retryAfter ?? 0)
          state.origins[each.folder]?.information = information
        }
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
    plan.certificates.flatMap { planned in
      planned.keys.map { planned.folder(for: $0) }
    }.compactMap { folder in
      guard let origin = state.origins[folder],
        let authority = plan.authorities.first(where: { $0.directory == origin.directory }),
        let identifier = (try? stored(folder))?.flatMap({ $0.renewalIdentifier })
      else { return nil }
      let known = origin.information?.identifier == identifier ? origin.information : nil
      return Followed(
        folder: folder, authority: authority, identifier: identifier, information: known)
    }
  }

  private func refresh(_ each: Followed, now: Date) throws(ACMEError) {
    let answer = try client(for: each.authority).renewalWindow(of: each.identifier)
    var information =
      each.information ?? RenewalInformation(identifier: each.identifier, nextPoll: now)
    if let answer {
      var random = SystemRandomNumberGenerator()
      information.take(answer.window, poll: answer.poll, now: now, using: &random)
    } else {
      information.nextPoll = now + RenewalInformation.longestPoll
    }
    try file.update { state in state.origins[each.folder]?.information = information }
    let moment = information.selected?.formatted(.iso8601) ?? "by its lifetime"
    let why = information.explanation.map { " (\($0))" } ?? ""
    log("\(each.folder): to be renewed \(moment)\(why)")
  }

  private func outlook(
    of planned: PlannedCertificate, _ folder: String, _ kind: KeyKind, _ state: RenewalState,
    _ now: Date
  ) -> Outlook {
    let attempts = state.attempts[planned.name]
    let origin = state.origins[folder]
    let (moment, reason) = renewal(of: planned, folder, kind, origin, now)
    return Outlook(
      certificate: folder, planned: planned.name, authority: origin?.authority, renewsAt: moment,
      reason: reason, failures: attempts?.failures ?? 0, lastProblem: attempts?.problem,
      nextAttempt: attempts?.next)
  }

  private func renewal(
    of planned: PlannedCertificate, _ folder: String, _ kind: KeyKind,
    _ origin: RenewalState.Origin?, _ now: Date
  ) -> (Date, Outlook.Reason) {
    guard let stored = (try? stored(folder)) ?? nil, let bundle = try? stored.load(),
      bundle.keyMatches, bundle.notAfter > now, bundle.keyType == kind.rawValue,
      Set(bundle.names).isSuperset(of: planned.names), !stored.isDevelopment
    else { return (now, .missing) }
    if let information = origin?.information, let selected = information.selected,
      information.identifier == stored.renewalIdentifier
    {
      let moment = RenewalSchedule.renewal(
        selected: selected, notBefore: bundle.notBefore, notAfter: bundle.notAfter)
      return (moment, .authority)
    }
    let moment = RenewalSchedule.renewal(
      notBefore: bundle.notBefore, notAfter: bundle.notAfter,
      jitter: RenewalSchedule.jitter(of: bundle.leafSHA256))
    return (moment, .lifetime)
  }
}

extension StoredCertificate {
  /// Made by this machine's own authority, which stands in until a real one is there.
  fileprivate var isDevelopment: Bool { (try? record())?.map(\.source) == .development }
}
