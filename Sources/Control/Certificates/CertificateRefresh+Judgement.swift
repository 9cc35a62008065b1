public import Certificates

extension CertificateRefresh {
  public enum Judgement: Sendable {
    case final(ServingAnswer)
    /// Taken over, and not by every worker yet.
    case behind(String)

    public var settled: ServingAnswer {
      switch self {
      case .final(let answer): answer
      case .behind(let reason): .rejected([reason])
      }
    }
  }

  /// Whether the process serves this leaf, of that folder, from every worker.
  public func judgement(
    of name: String, in folder: String, leaf: String, process: String
  ) -> Judgement {
    let own = Self.absolute(folder)
    let found = entries.filter { $0.name == name && $0.folder == own }
    guard !found.isEmpty else {
      return .final(
        .notServedThere("the process \(process) serves nothing of this name from \(own)"))
    }
    let reasons = found.flatMap { $0.reasons(against: leaf) }
    guard reasons.isEmpty else { return .final(.rejected(reasons)) }
    if let hidden = found.first(where: { $0.isHidden == true }) {
      return .final(
        .notServedThere(
          "listener \(hidden.listener) serves all its names by other certificates; which: "
            + "gatehouse cert check \(name)"))
    }
    // One that was there before it was asked for is not probed again.
    let probed = found.filter { $0.outcome == .serving }.map(\.workersProbed).min() ?? workers
    guard probed >= workers else {
      return .behind("only \(probed) of \(workers) workers serve it")
    }
    return .final(.served(workers: workers))
  }
}

extension CertificateRefresh.Entry {
  fileprivate func reasons(against leaf: String) -> [String] {
    switch outcome {
    case .kept, .refused:
      return (problems.isEmpty ? ["no reason given"] : problems).map { "\(listener): \($0)" }
    case .removed: return ["\(listener): no longer finds it in its folder"]
    case .unchanged, .serving:
      guard leafSHA256?.lowercased() != leaf else { return [] }
      let found = leafSHA256.map { String($0.prefix(16)) } ?? "none"
      return ["\(listener): serves another certificate (\(found)…)"]
    }
  }
}
