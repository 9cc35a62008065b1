internal import Certificates
internal import Control
internal import Foundation

/// What became of a version, as the commands that make one current print it.
struct CertOutcome: Encodable {
  struct Serving: Encodable {
    /// `served`, `not-running`, `not-told`, `not-served-there`, `not-asked`, `silent` or `rejected`.
    let answer: String
    let workers: Int?
    let problems: [String]
  }

  let name: String
  let version: String?
  let previous: String?
  let removed: [String]
  let moved: [String]
  /// `current`, `staged`, `dry-run`, `unchanged`, `refused` or `sent-back`.
  let ending: String
  let serving: Serving?
  let gates: [GateResult]
  let names: [String]
  let notAfter: String?
  let leafSHA256: String?
  let seconds: Double
  let authority: String?
  /// Who would be asked, of a dry run that asks nobody.
  let wouldAsk: String?
  /// What became of the version before, where its key is given up.
  var revocation: [String] = []
  private let score: String
  private let verb: String

  private enum CodingKeys: String, CodingKey {
    case name, version, previous, removed, moved, ending, serving, gates, names, seconds, authority
    case revocation
    case wouldAsk = "would_ask"
    case notAfter = "not_after"
    case leafSHA256 = "leaf_sha256"
  }

  /// `asked`: what was done, as `staged` or `back to`; nil where the process is not asked at all.
  init(_ outcome: Activation.Outcome, asked verb: String?, authority: String? = nil) {
    let report = outcome.report
    name = outcome.staged.certificate
    version = outcome.staged.number > 0 ? outcome.staged.name : nil
    previous = outcome.previous.map(CertificateStore.versionName)
    removed = outcome.removed.map(CertificateStore.versionName)
    moved = outcome.moved
    gates = report.results
    names = report.bundle?.names.map(\.description) ?? []
    notAfter = report.bundle.map { certTime($0.notAfter) }
    leafSHA256 = report.bundle?.leafSHA256
    seconds = (outcome.seconds * 100).rounded() / 100
    self.authority = authority
    score = report.score
    self.verb = verb ?? "staged"
    serving = verb == nil ? nil : outcome.answer.map(Serving.init)
    if case .wouldAsk(let who) = outcome.ending { wouldAsk = who } else { wouldAsk = nil }
    switch outcome.ending {
    case .current: ending = "current"
    case .staged: ending = "staged"
    case .dryRun, .wouldAsk: ending = "dry-run"
    case .unchanged: ending = "unchanged"
    case .refused: ending = "refused"
    case .sentBack: ending = "sent-back"
    }
  }

  var state: CertRow.State {
    if ending == "refused" || ending == "sent-back" { return .failed }
    let doubts = ["not-served-there", "not-asked", "not-told"]
    let isDoubtful = serving.map { doubts.contains($0.answer) } ?? false
    return isDoubtful || gates.contains { $0.outcome == .warning } ? .warning : .ok
  }

  /// Prints it, and says how it ended.
  func print(asJSON: Bool) throws -> CertRow.State {
    guard !asJSON else {
      Swift.print(try jsonText(self))
      return state
    }
    if state == .failed {
      FileHandle.standardError.write(Data((failure + "\n").utf8))
      return state
    }
    for line in lines { Swift.print(line) }
    return state
  }

  private var failure: String {
    let why = serving?.problems ?? problems(.failed)
    guard ending != "refused" else {
      return lines(of: "stopped at the gates, nothing was changed", why)
    }
    let version = version ?? "it"
    let state =
      previous.map { "\($0) is current again" } ?? "nothing serves under this name, as before"
    guard serving?.answer != "silent" else {
      return lines(
        of: "nobody said whether \(version) is served; \(state), also for the process once it "
          + "goes on",
        why + ["\(version) is kept; later: gatehouse cert rollback \(name) --to \(version)"])
    }
    return lines(
      of: "the running process did not serve \(version); \(state), and \(version) is quarantined",
      why)
  }

  private func lines(of head: String, _ why: [String]) -> String {
    (["gatehouse cert: \(name): \(head)"] + why.map { "  \($0)" }).joined(separator: "\n")
  }

  private var lines: [String] {
    let version = version ?? "it"
    let served = "\(name) serves \(names.joined(separator: ", ")) until \(notAfter ?? "?")"
    var lines: [String] = []
    switch ending {
    case "unchanged":
      lines = ["\(version) is this certificate already; nothing was changed", served]
    case "dry-run" where wouldAsk != nil:
      lines = [
        "would ask \(wouldAsk ?? "?") for a new key's certificate for "
          + "\(names.joined(separator: ", ")), as \(version); nobody was asked, nothing was changed"
      ]
    case "dry-run":
      lines = ["gates \(score) · \(version) would become current; nothing was changed"]
    case "staged":
      lines = [
        "staged \(version) · gates \(score) · not current; "
          + "make it so with: gatehouse cert rollback \(name) --to \(version)"
      ]
    default:
      lines = [current(version), served]
      lines += serving?.problems ?? []
      if previous == nil, let authority { lines.append("let clients trust \(authority)") }
      if !moved.isEmpty {
        lines.append("moved aside: \(moved.joined(separator: ", ")), to \(name)/.before")
      }
      if !removed.isEmpty {
        let kept = CertificateStore.versionsKept
        lines.append("removed \(removed.joined(separator: ", ")); the last \(kept) are kept")
      }
    }
    return lines + revocation + problems(.warning).map { "warning: \($0)" }
  }

  private func current(_ version: String) -> String {
    let kept = previous.map { "; \($0) is kept for: gatehouse cert rollback \(name)" } ?? ""
    let done = "\(verb) \(version) · gates \(score) · now current"
    guard let serving else { return "\(done); apply it with: gatehouse apply" }
    guard let workers = serving.workers else { return "\(done)\(kept)" }
    return "\(done) · served by \(workers)/\(workers) workers · \(seconds) s\(kept)"
  }

  private func problems(_ outcome: GateResult.Outcome) -> [String] {
    gates.filter { $0.outcome == outcome }.map { "\($0.gate.rawValue): \($0.message)" }
  }
}

extension CertOutcome.Serving {
  init(_ answer: ServingAnswer) {
    switch answer {
    case .served(let workers): self.init(answer: "served", workers: workers, problems: [])
    case .notRunning:
      self.init(
        answer: "not-running", workers: nil,
        problems: ["no gatehouse runs here: it is served from the next start on"])
    case .notTold(let why):
      self.init(
        answer: "not-told", workers: nil,
        problems: ["stored, but nobody was told: \(why); it is served from the next start on"])
    case .silent(let why): self.init(answer: "silent", workers: nil, problems: [why])
    case .notServedThere(let what):
      self.init(
        answer: "not-served-there", workers: nil,
        problems: ["a gatehouse runs, and serves nothing of this name: \(what)"])
    case .notAsked(let why):
      self.init(
        answer: "not-asked", workers: nil,
        problems: ["the running process could not be asked: \(why)"])
    case .rejected(let reasons):
      self.init(answer: "rejected", workers: nil, problems: reasons)
    }
  }
}
