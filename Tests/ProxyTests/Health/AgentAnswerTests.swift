import Testing

@testable import Proxy

struct AgentAnswerTests {
  @Test(arguments: [
    ("75%", "75 - up"), ("up", "- - up"), ("UP 50%", "50 - up"), ("drain", "- drain up"),
    ("maint", "- maint up"), ("ready,100%", "100 ready up"), ("down", "- - down"),
    ("down disk full", "- - down disk full"), ("fail", "- - down"), ("stopped\r", "- - down"),
    ("ready up\t20%", "20 ready up"), ("down 30%", "- - down 30%"), ("0%", "0 - up"),
    ("down \u{1b}[31m", "- - down ?[31m"),
  ])
  func `a line is understood`(_ line: String, _ expected: String) throws {
    let answer = try #require(AgentAnswer(Array(line.utf8).span))
    var words = [answer.percent.map { "\($0)" } ?? "-", answer.state?.rawValue ?? "-"]
    words.append(answer.isUp ? "up" : "down")
    if !answer.reason.isEmpty { words.append(answer.reason) }
    #expect(words.joined(separator: " ") == expected)
  }

  @Test(arguments: [
    "", " ", "hello", "-5%", "257%", "%", "1.5%", "up maybe", "99999999999999999999%",
    String(repeating: "u", count: 257),
  ])
  func `another line is not`(_ line: String) {
    #expect(AgentAnswer(Array(line.utf8).span) == nil)
  }
}
