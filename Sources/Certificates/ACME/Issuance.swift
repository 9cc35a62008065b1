public import Foundation

/// Fetches the certificates of a plan from their authorities, and knows when each is due again.
///
/// What is remembered is on the disk, so a command may do the same while the server runs. Everything
/// here blocks: an order takes seconds to minutes.
public struct Issuance: Sendable {
  /// A certificate's own entry: the last thing that was tried and what comes next.
  public struct Outlook: Equatable, Sendable {
    /// Why it is renewed when it is.
    public enum Reason: String, Codable, Sendable { case missing, lifetime, authority }

    /// The folder in the store: the plan's name, with `.rsa` for an RSA key.
    public let certificate: String
    public let planned: String
    /// From whom the one that serves came; nil where that is not known.
    public let authority: String?
    public let renewsAt: Date
    public let reason: Reason
    /// Attempts in a row that came to nothing.
    public let failures: Int
    public let lastProblem: String?
    /// No sooner than this, after a failure.
    public let nextAttempt: Date?
    /// Where the authority explains the time it named.
    public let explanation: String?
  }

  let plan: CertificatePlan
  let store: CertificateStore
  let publisher: any ChallengePublisher
  let agent: String
  let log: @Sendable (String) -> Void
  let file: RenewalFile
  /// Tests have name servers of their own.
  var propagation = DNSPropagation()

  /// `publisher` makes answers over HTTP and TLS visible; TXT records are published as the plan
  /// says. `agent` is what requests call their sender: `gatehouse/1.2`.
  public init(
    plan: CertificatePlan, store: CertificateStore, publisher: any ChallengePublisher,
    agent: String, log: @escaping @Sendable (String) -> Void
  ) {
    self.plan = plan
    self.store = store
    self.publisher = publisher
    self.agent = agent
    self.log = log
    file = RenewalFile(in: store.directory, log: log)
  }

  /// Fetches a certificate for each kind of key and stages it; what serves stays as it is.
  ///
  /// The attempt counts as failed until `served` says otherwise, so a crash cannot order in a loop.
  public func issue(
    _ planned: PlannedCertificate, now: Date = Date()
  ) throws(ACMEError) -> [StagedVersion] {
    try begin(planned, now: now)
    do throws(ACMEError) {
      return try fetch(planned, now: now)
    } catch {
      try? failed(planned, because: error.description, now: now)
      throw error
    }
  }

  /// To be called once what was staged serves.
  public func served(_ planned: PlannedCertificate) throws(ACMEError) {
    try file.update { $0.attempts[planned.name] = nil }
  }

  /// To be called when what was staged could not be made to serve: the next attempt waits.
  public func failed(
    _ planned: PlannedCertificate, because problem: String, now: Date = Date()
  ) throws(ACMEError) {
    try file.update { state in state.attempts[planned.name]?.problem = problem }
  }

  /// Revokes a chain that was fetched as the certificate of that name.
  public func revoke(
    chainPEM: [UInt8], of certificate: String, reason: RevocationReason
  ) throws(ACMEError) {
    let folder = CertificateStore.folderName(for: certificate)
    let client = try client(for: try authority(of: folder))
    try client.revoke(chainPEM: chainPEM, reason: reason)
    log("\(certificate): revoked at \(client.authority.name) (\(reason.rawValue))")
  }

  func client(for authority: ACMEAuthority) throws(ACMEError) -> ACMEClient {
    try ACMEClient(authority, certificates: store.directory, agent: agent, log: log)
  }

  /// The one a stored certificate came from, else the first its plan names.
  func authority(of folder: String) throws(ACMEError) -> ACMEAuthority {
    let state = file.read()
    if let origin = state.origins[folder],
      let found = plan.authorities.first(where: { $0.directory == origin.directory })
    {
      return found
    }
    let planned = plan.certificates.first { planned in
      planned.keys.contains { planned.folder(for: $0) == folder }
    }
    guard let name = planned?.authorities.first,
      let found = plan.authorities.first(where: { $0.name == name })
    else { throw ACMEError(folder, "no authority of the plan has issued this certificate") }
    return found
  }

  private func begin(_ planned: PlannedCertificate, now: Date) throws(ACMEError) {
    try file.update { state in
      // Bounded, since a file can hold any number.
      let before = min(max(state.attempts[planned.name]?.failures ?? 0, 0), 1_000)
      state.attempts[planned.name] = RenewalState.Attempts(
        failures: before + 1, last: now,
        next: now + RenewalSchedule.pause(after: before + 1),
        problem: "it was fetched, or about to be, and then nothing was heard of it")
    }
  }

  private func fetch(
    _ planned: PlannedCertificate, now: Date
  ) throws(ACMEError) -> [StagedVersion] {
    let folders = planned.keys.map { planned.folder(for: $0) }
    guard !folders.isEmpty, Set(folders).count == folders.count else {
      throw ACMEError(planned.name, "one RSA key and one of another kind at most, and at least one")
    }
    guard !planned.authorities.isEmpty else {
      throw ACMEError(planned.name, "no authority to ask; name one of the plan's")
    }
    var problems: [ACMEError] = []
    for name in planned.authorities {
      do throws(ACMEError) {
        return try fetch(planned, from: try authority(named: name, for: planned, now), now: now)
      } catch {
        problems.append(error.subject == name ? error : error.about(name))
        log("\(planned.name): not from \(name): \(error)")
        try? keepPause(error, of: name, now: now)
      }
    }
    throw ACMEError(
      planned.name,
      "no certificate: \(problems.map(\.description).joined(separator: " | "))",
      document: problems.last?.document, retryAfter: problems.last?.retryAfter)
  }

  func authority(
    named name: String, for planned: PlannedCertificate, _ now: Date
  ) throws(ACMEError) -> ACMEAuthority {
    guard let authority = plan.authorities.first(where: { $0.name == name }) else {
      let known = plan.authorities.map(\.name).joined(separator: ", ")
      throw ACMEError(planned.name, "no authority is called \(name); there are: \(known)")
    }
    if let end = file.read().pauses[authority.directory], end > now {
      throw ACMEError(name, "asked to be left alone until \(end.formatted(.iso8601))")
    }
    return authority
  }

  private func keepPause(_ error: ACMEError, of name: String, now: Date) throws(ACMEError) {
    guard let wait = error.retryAfter,
      let authority = plan.authorities.first(where: { $0.name == name })
    else { return }
    try file.update { state in
      state.pauses = state.pauses.filter { $0.value > now }
      state.pauses[authority.directory] = now + min(max(wait, 0), RenewalSchedule.pauseLimit)
    }
  }

  private func fetch(
    _ planned: PlannedCertificate, from authority: ACMEAuthority, now: Date
  ) throws(ACMEError) -> [StagedVersion] {
    let order = try certificateOrder(planned, from: authority)
    // All of them first: a version that is staged alone would serve nobody.
    var issued: [(folder: String, certificate: IssuedCertificate)] = []
    for kind in planned.keys {
      let folder = planned.folder(for: kind)
      issued.append((folder, try fulfil(order, kind, reusing: planned.reusesKey)))
    }
    var staged: [StagedVersion] = []
    for (folder, certificate) in issued {
      staged.append(try stage(certificate, folder, planned, now: now))
    }
    try file.update { state in
      for folder in issued.map(\.folder) {
        state.origins[folder] = RenewalState.Origin(
          authority: authority.name, directory: authority.directory)
      }
    }
    return staged
  }

  func certificateOrder(
    _ planned: PlannedCertificate, from authority: ACMEAuthority
  ) throws(ACMEError) -> CertificateOrder {
    CertificateOrder(
      client: try client(for: authority), planned: planned,
      publisher: PlanPublisher(
        kind: planned.challenge, edge: publisher, propagation: propagation, log: log))
  }

  /// One certificate, with a key of this kind.
  func fulfil(
    _ order: CertificateOrder, _ kind: KeyKind, reusing: Bool
  ) throws(ACMEError) -> IssuedCertificate {
    let folder = order.planned.folder(for: kind)
    let current = try stored()[folder]
    let key = try ACMEError.wrapping { () throws(CertificateError) -> PrivateKey in
      if reusing, let old = try current?.key(of: kind) { return old }
      return try PrivateKey.generate(kind)
    }
    let chain = try order.chain(
      for: key, replaces: replaced(current, folder, by: order.client))
    let pem = try ACMEError.wrapping { () throws(CertificateError) in try key.pem() }
    return IssuedCertificate(chainPEM: chain, keyPEM: pem)
  }

  /// Through the gates, and it must bear the names that were asked for.
  private func stage(
    _ certificate: IssuedCertificate, _ folder: String, _ planned: PlannedCertificate, now: Date
  ) throws(ACMEError) -> StagedVersion {
    try ACMEError.wrapping { () throws(CertificateError) -> StagedVersion in
      let bundle = try CertificateBundle(
        chainPEM: certificate.chainPEM, keyPEM: certificate.keyPEM, name: planned.name)
      guard Set(bundle.names).isSuperset(of: planned.names) else {
        let names = bundle.names.map(\.description).joined(separator: ", ")
        throw CertificateError(
          planned.name, "what was issued does not bear its names, only \(names)")
      }
      return try Disk.locked(store.directory) { () throws(CertificateError) -> StagedVersion in
        try store.stage(certificate, as: folder, source: .acme, now: now)
      }
    }
  }

  /// The identifier of the certificate the new one follows, where this authority wants to know.
  private func replaced(
    _ current: StoredCertificate?, _ folder: String, by client: ACMEClient
  ) -> String? {
    guard client.directory.renewalInfo != nil, let current,
      file.read().origins[folder]?.directory == client.authority.directory
    else { return nil }
    return current.renewalIdentifier
  }

  /// What the store has, by its folders; where two bear a name, the one with versions.
  func stored() throws(ACMEError) -> [String: StoredCertificate] {
    try ACMEError.wrapping { () throws(CertificateError) -> [String: StoredCertificate] in
      let all = try store.list().filter(\.isServing).map { ($0.name, $0) }
      return Dictionary(all) { one, other in one.version != nil ? one : other }
    }
  }
}
