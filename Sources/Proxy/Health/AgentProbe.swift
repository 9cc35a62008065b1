/// Reads the one line that an agent says, unasked.
struct AgentProbe: ProbeExchange {
  var outgoing: [UInt8] = []
  let awaited = "the agent's line"
  private var line: [UInt8] = []

  mutating func take(_ bytes: Span<UInt8>) -> ProbeFinding? {
    for index in bytes.indices {
      guard bytes[index] != 0x0a else { return judge() }
      guard line.count < AgentAnswer.byteLimit else {
        return .bad("agent: no line end in \(AgentAnswer.byteLimit) bytes")
      }
      line.append(bytes[index])
    }
    return nil
  }

  mutating func end() -> ProbeFinding {
    line.isEmpty ? .bad("agent: closed without a word") : judge()
  }

  private func judge() -> ProbeFinding {
    let text = line.printable
    guard let answer = AgentAnswer(line.span) else {
      return .bad("agent: \"\(text)\" is not understood")
    }
    return ProbeFinding(isGood: answer.isUp, text: "agent: \(text)", agent: answer)
  }
}

extension [UInt8] {
  /// Fit for a terminal: bytes that are not printable ASCII become question marks.
  var printable: String {
    let end = last == 0x0d ? count - 1 : count
    return String(
      decoding: prefix(Swift.min(end, 80)).map { $0 >= 0x20 && $0 < 0x7f ? $0 : 0x3f },
      as: UTF8.self)
  }
}
