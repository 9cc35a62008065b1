internal import Proxy

/// Back from the JSON that `GET /v1/why` answers.
extension Explanation: Decodable {
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    self.init()
    func text(_ key: Key) throws -> String { try values.decode(String.self, forKey: key) }
    func names() throws -> [String] { try values.decode([String].self, forKey: .servers) }
    switch try text(.end) {
    case "dropped": end = .dropped
    case "connection-refused": end = .connectionRefused
    case "closed": end = .closed
    case "no-handshake": end = .noHandshake
    case "let-in": end = .letIn
    case "tls-alert": end = .alert(try text(.alert))
    case "reply":
      let status = try values.decode(UInt16.self, forKey: .status)
      end = .reply(
        status: status, title: ReplyReasons.title(of: status), reason: try text(.reason))
    case "redirect":
      end = .redirect(
        status: try values.decode(UInt16.self, forKey: .status), location: try text(.location))
    case "backend": end = .backend(try text(.backend), servers: try names())
    case "stream": end = .stream(try text(.backend), servers: try names())
    case "no-server": end = .noServer(try text(.backend))
    case let word:
      throw DecodingError.dataCorruptedError(
        forKey: .end, in: values, debugDescription: "\"\(word)\" is no end")
    }
    steps = try values.decode([Step].self, forKey: .steps)
    advice = try values.decodeIfPresent(String.self, forKey: .advice)
    notes = try values.decode([String].self, forKey: .notes)
    route = try values.decodeIfPresent(Int.self, forKey: .route)
  }
}

extension PolicyExplanation.Result: Decodable {}

extension PolicyExplanation.Stage: Decodable {
  private enum Key: String, CodingKey { case name, result, detail, place, counter, hits }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    self.init(
      name: try values.decode(String.self, forKey: .name),
      result: try values.decode(PolicyExplanation.Result.self, forKey: .result),
      detail: try values.decode(String.self, forKey: .detail),
      place: try values.decodeIfPresent(String.self, forKey: .place),
      counter: try values.decodeIfPresent(String.self, forKey: .counter),
      hits: try values.decodeIfPresent(UInt64.self, forKey: .hits))
  }
}
