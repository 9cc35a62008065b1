public import Foundation

/// What the running process says of a version that was made current.
public enum ServingAnswer: Equatable, Sendable {
  /// Workers that served it when they were asked.
  case served(workers: Int)
  /// Nobody runs, so nobody was asked.
  case notRunning
  /// Nobody answers where a process was said to be, and what was tried.
  case notTold(String)
  /// A process is there, and has said nothing in the time it had.
  case silent(String)
  /// A process runs, and serves nothing of that name.
  case notServedThere(String)
  /// It could not be asked, and why.
  case notAsked(String)
  /// It does not serve it, and why: one line each, a gate's name in front.
  case rejected([String])
}

/// The transaction every new version goes through.
///
///     gates -> stage -> activate -> ask -> committed
///       |                            └── rejected -> the version before is current again
///       └── refused: nothing was written
public struct Activation: Sendable {
  /// Asks the running process whether it serves this leaf (its SHA-256) under that name.
  public typealias Question = @Sendable (_ name: String, _ leafSHA256: String) -> ServingAnswer

  public struct Settings: Sendable {
    public var source = VersionRecord.Source.import
    /// Nothing is written.
    public var isDryRun = false
    /// False leaves the current version serving.
    public var activates = true
    public var allowsDowngrade = false
    /// The hosts of routes: those that the current version covers have to stay covered.
    public var routedNames: [ServerName] = []
    /// Where the key comes from, if from a file.
    public var keyFile: KeyFile?
    /// PEM of an authority that would be kept here, too.
    var roots: [UInt8] = []

    public init() {}
  }

  public struct Outcome: Sendable {
    public enum Ending: Equatable, Sendable {
      case current
      case staged
      case dryRun
      /// Its issuer would be asked for it, and who that is; nobody was.
      case wouldAsk(String)
      /// The current version is this certificate already.
      case unchanged
      /// Stopped at a gate; nothing was written.
      case refused
      /// The running process did not serve it: the version before is current again.
      case sentBack([String])
    }

    public let staged: StagedVersion
    public let previous: Int?
    /// Old versions that were removed.
    public let removed: [Int]
    public let answer: ServingAnswer?
    public let ending: Ending
    public let seconds: Double
    /// Files of another tool that were moved aside, since they bore this name.
    public let moved: [String]

    public var report: GateReport { staged.report }
  }

  let store: CertificateStore
  let ask: Question

  /// Without a question, nobody is asked.
  public init(in store: CertificateStore, ask: @escaping Question = { _, _ in .notRunning }) {
    self.store = store
    self.ask = ask
  }

  /// Brings a certificate in under this name; at the gates it may be refused, which is no error.
  public func bring(
    _ issued: IssuedCertificate, as name: String, _ settings: Settings = Settings(),
    now: Date = Date()
  ) throws(CertificateError) -> Outcome {
    try Disk.locked(store.directory, isDryRun: settings.isDryRun) { () throws(CertificateError) in
      try bringAlone(issued, as: name, settings, now: now)
    }
  }

  /// The same with what a person has in files; one that cannot be read is refused as by a gate.
  public func bring(
    _ files: CertificateFiles, as name: String, _ settings: Settings = Settings(),
    now: Date = Date()
  ) throws(CertificateError) -> Outcome {
    var settings = settings
    let issued: IssuedCertificate
    do throws(CertificateError) {
      issued = try files.read()
      settings.keyFile = try files.keyPath.map { path throws(CertificateError) in
        try Disk.keyFile(path)
      }
    } catch {
      let certificate = CertificateStore.folderName(for: name)
      let staged = StagedVersion(
        certificate: certificate, folder: "\(store.directory)/\(certificate)", number: 0,
        report: GateReport(unreadable: error))
      return outcome(staged, previous: nil, .refused, since: .now)
    }
    return try bring(issued, as: name, settings, now: now)
  }

  /// The same, for who holds the lock.
  func bringAlone(
    _ issued: IssuedCertificate, as name: String, _ settings: Settings, now: Date
  ) throws(CertificateError) -> Outcome {
    let began = ContinuousClock.now
    try CertificateStore.checkName(name)
    let key = try? PrivateKey.read(from: issued.keyPEM, of: name)
    let certificate = CertificateStore.folderName(for: name, isRSA: key?.isRSA ?? false)
    let existing = try store.list().first { $0.name == certificate && $0.isServing }
    // One that cannot be read has nothing to compare with.
    let current = try? existing?.load()
    var context = try store.context(current: current, now: now)
    context.requiredNames = settings.routedNames.filter { current?.covers($0) ?? false }
    context.keyFile = settings.keyFile
    if !settings.roots.isEmpty { context.trust = context.trust.adding(settings.roots) }
    context.allowsDowngrade = settings.allowsDowngrade
    let report = CertificateGates.check(
      chainPEM: issued.chainPEM, keyPEM: issued.keyPEM, name: name, context: context)
    let folder = "\(store.directory)/\(certificate)"
    var staged = StagedVersion(
      certificate: certificate, folder: folder, number: try nextVersion(in: folder),
      report: report)
    func ended(_ ending: Outcome.Ending) -> Outcome {
      outcome(staged, previous: existing?.version, ending, since: began)
    }
    guard report.isGood else { return ended(.refused) }
    if let number = existing?.version, current?.leafSHA256 == report.bundle?.leafSHA256 {
      staged = StagedVersion(
        certificate: certificate, folder: folder, number: number, report: report)
      return ended(.unchanged)
    }
    let files = try foreignFiles(name: certificate, isRSA: key?.isRSA ?? false)
    if settings.isDryRun { return ended(.dryRun) }
    var source = settings.source
    if source == .import, case .privateRoot? = report.chainVerdict { source = .private }
    staged = try store.write(issued, report, as: name, source: source, now: now)
    guard settings.activates else { return ended(.staged) }
    return try activate(staged, previous: existing?.version, moving: files, since: began)
  }

  /// Makes a version current that was staged before, as by an order of hours ago.
  public func serve(_ staged: StagedVersion) throws(CertificateError) -> Outcome {
    try Disk.locked(store.directory) { () throws(CertificateError) in
      let before = try store.list().first { $0.name == staged.certificate && $0.isServing }
      let isRSA = staged.report.bundle?.keyType.hasPrefix("rsa") ?? false
      return try activate(
        staged, previous: before?.version,
        moving: try foreignFiles(name: staged.certificate, isRSA: isRSA), since: .now)
    }
  }

  /// Makes a version current, asks, and goes back where the answer is no.
  func activate(
    _ version: StagedVersion, previous: Int?, moving files: [String],
    since began: ContinuousClock.Instant
  ) throws(CertificateError) -> Outcome {
    let link = "\(version.folder)/current"
    let before = Disk.aim(of: link)
    try store.activate(version)
    let moved = try moveAside(files, for: version)
    let answer = ask(version.certificate, version.report.bundle?.leafSHA256 ?? "")
    let reasons: [String]
    switch answer {
    case .rejected(let why): reasons = why
    case .silent(let why): reasons = [why]
    case .served, .notRunning, .notTold, .notServedThere, .notAsked:
      return outcome(
        version, previous: previous, removed: try store.prune(version, previous: previous),
        answer: answer, .current, since: began, moved: moved.map(\.old))
    }
    for file in moved { try Disk.rename(file.new, to: file.old) }
    if let before {
      try Disk.link(link, to: before)
    } else {
      Disk.remove(link)
    }
    try Disk.sync(version.folder)
    // Who says nothing has found no fault; once he goes on he reads what is current then.
    if case .rejected = answer {
      try store.quarantine(
        version.number, of: version.certificate, because: reasons.joined(separator: "; "))
      // What the workers hold is the one before again, whatever they answer.
      _ = ask(version.certificate, "")
    }
    return outcome(
      version, previous: previous, answer: answer, .sentBack(reasons), since: began)
  }

  private func outcome(
    _ staged: StagedVersion, previous: Int?, removed: [Int] = [], answer: ServingAnswer? = nil,
    _ ending: Outcome.Ending, since began: ContinuousClock.Instant, moved: [String] = []
  ) -> Outcome {
    let time = began.duration(to: .now).components
    return Outcome(
      staged: staged, previous: previous, removed: removed, answer: answer, ending: ending,
      seconds: Double(time.seconds) + Double(time.attoseconds) / 1e18, moved: moved)
  }

  private func nextVersion(in folder: String) throws(CertificateError) -> Int {
    guard Disk.isDirectory(folder) else { return 1 }
    return (try CertificateStore.versions(in: folder).last ?? 0) + 1
  }
}
