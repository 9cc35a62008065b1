internal import Certificates
internal import Control
internal import Foundation

/// Asks the running process whether it serves a certificate.
struct CertQuestion: Sendable {
  let socket: String
  /// The certificates folder: a process that serves from another one has no say.
  let folder: String
  /// Somebody typed the socket's path, so that a process is meant to be there.
  let isTyped: Bool
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

  private func ask(_ name: String, _ leafSha256: String) -> CertificateRefresh.Judgement {
    do {
      let limit = max(seconds, AdminClient.changeLimit)
      let refresh = try AdminClient(socket: socket).refreshCertificates(name, within: limit)
      return refresh.judgement(of: name, in: folder, leaf: leafSha256, process: "on \(socket)")
    } catch let failure as AdminClient.Failure {
      switch failure {
      case .notRunning where isTyped: return .final(.notTold("no gatehouse answers on \(socket)"))
      case .notRunning: return .final(.notRunning)
      case .notAllowed: return .final(.notAsked(failure.description))
      case .refused(404, let errors):
        return .final(.notServedThere(errors.joined(separator: "; ")))
      case .refused(_, let errors): return .final(.rejected(errors))
      case .silent: return .final(.silent(failure.description))
      case .broken: return .final(.rejected([failure.description]))
      }
    } catch {
      return .final(.rejected(["the answer on \(socket) can't be read: \(error)"]))
    }
  }
}
