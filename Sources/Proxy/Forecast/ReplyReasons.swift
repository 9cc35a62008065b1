/// Why the proxy itself answers with a status, for explanations.
public enum ReplyReasons {
  public struct Reason: Sendable {
    /// As the answer says it.
    public let text: String
    public let ending: Ending
  }

  /// Empty for a status that only servers send.
  public static func of(status: UInt16) -> [Reason] {
    var seen: Set<String> = []
    return replies.filter { $0.status == status && seen.insert("\($0.reason)").inserted }
      .flatMap { reply in endings(of: reply).map { Reason(text: "\(reply.reason)", ending: $0) } }
  }

  public static var statuses: [UInt16] { Set(replies.map(\.status)).sorted() }

  public static func title(of status: UInt16) -> String { "\(Replies.title(of: status))" }

  /// The one that the answer alone tells of, and those that the exchange before it may have.
  private static func endings(of reply: Reply) -> [Ending] {
    switch reply {
    case .badGateway: [.serverGone, .badResponse]
    case .noServer: [.noServer, .connectFailed, .connectTimedOut, .outOfSockets]
    case .refused, .badPath, .forbidden, .noRoute, .misdirected, .contentTooLarge, .headTooLarge,
      .requestTimeout, .gatewayTimeout, .noPrimary, .queueFull, .queueTimeout:
      [reply.ending]
    }
  }

  private static var replies: [Reply] {
    // `badStatus` is a response's, which is answered as `badGateway`.
    HeadRejection.allCases.filter { $0 != .badStatus }.map(Reply.refused)
      + [
        .badPath, .forbidden, .noRoute, .misdirected, .contentTooLarge, .headTooLarge,
        .requestTimeout, .badGateway, .noServer, .gatewayTimeout, .noPrimary, .queueFull,
        .queueTimeout,
      ]
  }
}
