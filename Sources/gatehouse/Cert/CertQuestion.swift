internal import Certificates
internal import Control
internal import Foundation

/// Asks the running process whether it serves a certificate.
struct CertQuestion: Sendable {
  let socket: String
  /// How long to ask again while some workers do not serve it yet.
  let seconds: Int

  private static let pause = 0.2

  /// An empty digest only has the folder read again.
  func answer(_ name: String, _ leafSha256: String) -> ServingAnswer {
    let end = ContinuousClock.now + .seconds(seconds)
    while true {
      let answer = ask(name, leafSha256)
      guard case .behind(let reason) = answer else { return answer.settled }
      guard !leafSha256.isEmpty, ContinuousClock.now < end else { return .rejected([reason]) }
      Thread.sleep(forTimeInterval: Self.pause)
    }
  }

  private enum Answer {
    case final(ServingAnswer)
    /// Taken over, and not by every worker yet.
    case behind(String)

    var settled: ServingAnswer {
      switch self {
      case .final(let answer): answer
      case .behind(let reason): .rejected([reason])
      }
    }
  }

  private func ask(_ name: String, _ leafSha256: String) -> Answer {
    do {
      let refresh = try AdminClient(socket: socket).refreshCertificates(name)
      return Self.judge(refresh, name, leafSha256, socket: socket)
    } catch let failure as AdminClient.Failure {
      switch failure {
      case .notRunning: return .final(.notRunning)
      case .notAllowed: return .final(.notAsked(failure.description))
      case .refused(404, let errors):
        return .final(.notServedThere(errors.joined(separator: "; ")))
      case .refused(_, let errors): return .final(.rejected(errors))
      case .broken: return .final(.rejected([failure.description]))
      }
    } catch {
      return .final(.rejected(["the answer on \(socket) can't be read: \(error)"]))
    }
  }

  private static func judge(
    _ refresh: CertificateRefresh, _ name: String, _ leafSha256: String, socket: String
  ) -> Answer {
    let entries = refresh.entries.filter { $0.name == name }
    guard !entries.isEmpty else {
      return .final(
        .notServedThere(
          "the process on \(socket) serves nothing of this name; has it another folder?"))
    }
    var reasons: [String] = []
    var probed = refresh.workers
    for entry in entries {
      switch entry.outcome {
      case .kept, .refused:
        let why = entry.problems.isEmpty ? ["no reason given"] : entry.problems
        reasons += why.map { "\(entry.listener): \($0)" }
      case .removed: reasons.append("\(entry.listener): no longer finds it in its folder")
      case .unchanged, .serving:
        guard entry.leafSha256?.lowercased() == leafSha256 else {
          let found = entry.leafSha256.map { String($0.prefix(16)) } ?? "none"
          reasons.append("\(entry.listener): serves another certificate (\(found)…)")
          continue
        }
        // One that was there before it was asked for is not probed again.
        if entry.outcome == .serving { probed = min(probed, entry.workersProbed) }
      }
    }
    guard reasons.isEmpty else { return .final(.rejected(reasons)) }
    guard probed >= refresh.workers else {
      return .behind("only \(probed) of \(refresh.workers) workers serve it")
    }
    return .final(.served(workers: refresh.workers))
  }
}
