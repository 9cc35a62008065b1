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
      .map { Reason(text: "\($0.reason)", ending: $0.ending) }
  }

  public static var statuses: [UInt16] { Set(replies.map(\.status)).sorted() }

  public static func title(of status: UInt16) -> String { "\(Replies.title(of: status))" }

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
