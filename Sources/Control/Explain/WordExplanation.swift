internal import Proxy

/// What a termination state, a status or a word of a client's error means here.
public struct WordExplanation: Sendable, Encodable {
  public struct Meaning: Sendable, Encodable {
    /// The ending's name in metrics; nil for what ends before there is an exchange.
    public let name: String?
    public let state: String?
    public let reason: String
    public let causes: [String]
    public let steps: [String]
  }

  public let subject: String
  public let summary: String
  public let meanings: [Meaning]

  /// Nil for what is none of these.
  public init?(of word: String) {
    if let found = WordExplanation(state: word) {
      self = found
    } else if let status = UInt16(word), (100...599).contains(status) {
      self = WordExplanation(status: status)
    } else if let found = WordExplanation(clientsWord: word.lowercased()) {
      self = found
    } else {
      return nil
    }
  }

  /// All that is known, for who has typed something else.
  public static var allowed: String {
    let states = Set(Ending.allCases.map { "\($0.state)" }).sorted().joined(separator: " ")
    let statuses = ReplyReasons.statuses.map { "\($0)" }.joined(separator: " ")
    return """
      a termination state (\(states)), a status (\(statuses)), a request id (32 hexadecimal digits), \
      a word (\(ClientsWord.allCases.map(\.rawValue).joined(separator: ", "))), or an ADDRESS and a URL
      """
  }

  /// The known word that was most likely meant; nil where none is near.
  public static func nearest(to word: String) -> String? {
    let known =
      Set(Ending.allCases.flatMap { ["\($0.state)", $0.name] }).sorted()
      + ReplyReasons.statuses.map { "\($0)" } + ClientsWord.allCases.map(\.rawValue)
    let lower = word.lowercased()
    return Nearest.word(to: lower, of: known.map { ($0.lowercased(), $0) })
  }

  private init(_ subject: String, _ summary: String, _ meanings: [Meaning]) {
    self.subject = subject
    self.summary = summary
    self.meanings = meanings
  }

  private init?(state: String) {
    // Bars in a log of another program, `sH--`, say nothing more here.
    let endings = Ending.allCases.filter { "\($0.state)" == state || $0.name == state }
    guard let first = endings.first else { return nil }
    self.init(state, Self.reading(of: "\(first.state)"), endings.map(Meaning.init))
  }

  private init(status: UInt16) {
    let title = ReplyReasons.title(of: status)
    let own = ReplyReasons.of(status: status)
    let isRedirect = [301, 302, 307, 308].contains(status)
    let summary =
      isRedirect
      ? "a redirect of a route or of a listener (term LR), or the server's own (term --)"
      : own.isEmpty
        ? "the proxy never makes it: a server behind answered so (term --)"
        : "made by the proxy for the reasons below; with term -- in the access log it is the server's"
    self.init(
      title == "Status" ? "\(status)" : "\(status) \(title)", summary,
      isRedirect ? [Meaning(.redirected)] : own.map { Meaning($0.ending, reason: $0.text) })
  }

  /// Who and when, letter by letter.
  static func reading(of state: String) -> String {
    guard state != "--", let first = state.first, let last = state.last else {
      return "ended as it should"
    }
    let who: [Character: String] = [
      "C": "the client ended it", "c": "the client let its time run out",
      "S": "the server ended it", "s": "the server let its time run out",
      "P": "the proxy ended it", "L": "the proxy answered by itself",
      "R": "a lack of resources ended it", "D": "the server lost its role",
      "K": "an administrator's act ended it",
    ]
    let when: [Character: String] = [
      "R": "at the request", "Q": "in the queue for a server",
      "C": "at the connection to the server", "H": "before the response's head was there",
      "D": "while the data went over",
    ]
    return [who[first], when[last]].compactMap(\.self).joined(separator: ", ")
  }
}

extension WordExplanation.Meaning {
  func naming(_ request: LoggedRequest) -> Self {
    Self(
      name: name, state: state, reason: reason, causes: causes, steps: steps.map(request.filled))
  }

  init(_ ending: Ending) { self.init(ending, reason: "\(ending.reason)") }

  init(_ ending: Ending, reason: String) {
    let advice = EndingAdvice.of(ending)
    self.init(
      name: ending.name, state: "\(ending.state)", reason: reason, causes: advice.causes,
      steps: advice.steps)
  }
}

/// What clients say of a connection that never became a request.
enum ClientsWord: String, CaseIterable {
  case refused, timeout, reset, alert
}

extension WordExplanation {
  fileprivate init?(clientsWord text: String) {
    guard let word = ClientsWord(rawValue: text) else { return nil }
    self.init(text, word.summary, word.meanings.map(Meaning.init(ofClients:)))
  }
}

extension WordExplanation.Meaning {
  fileprivate init(ofClients told: ClientsWord.Told) {
    self.init(name: nil, state: nil, reason: told.reason, causes: told.causes, steps: told.steps)
  }
}

extension ClientsWord {
  typealias Told = (reason: String, causes: [String], steps: [String])

  fileprivate var summary: String {
    switch self {
    case .refused: "this machine answered at once that nothing listens on the port"
    case .timeout: "nothing came back at all: packets were dropped, here or on the way"
    case .reset: "the connection was made, and ended at once"
    case .alert: "the handshake ended with a TLS alert"
    }
  }

  fileprivate var meanings: [Told] {
    let ask = ["gatehouse why ADDRESS PORT", "gatehouse policy status"]
    return switch self {
    case .refused:
      [
        (
          "no process has bound the address and port",
          ["gatehouse does not run, or binds another address or port"],
          ["gatehouse status", "ss -ltnp"]
        )
      ]
    case .timeout:
      [
        (
          "the kernel drops who is not let in, without a word",
          [
            "the policy does not allow the address, or it is banned, or over its limit",
            "another firewall in front of this machine, or another table in it",
          ], ask
        )
      ]
    case .reset:
      [
        (
          "the proxy ends connections of those whom the policy does not let in",
          [
            "the policy is not applied to the kernel, so the proxy refuses by itself",
            "http:// where the listener speaks TLS", "a ban that ended what was open",
          ], ask
        )
      ]
    case .alert:
      [
        (
          "unrecognized_name: no certificate bears the name",
          ["a name without certificate, or no name at all"], ["gatehouse cert list"]
        ),
        (
          "certificate_required, unknown_ca, bad_certificate: of the client's own certificate",
          ["`client_auth` asks for one, and none, an old or a foreign one was shown"],
          ["gatehouse why ADDRESS URL"]
        ),
      ]
    }
  }
}
