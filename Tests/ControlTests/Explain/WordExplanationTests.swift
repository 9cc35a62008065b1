import Foundation
import Proxy
import Testing

@testable import Control

@Suite struct WordExplanationTests {
  @Test(arguments: Ending.allCases)
  func `every ending has its usual causes, and every bad one a next step or none by choice`(
    _ ending: Ending
  ) throws {
    let advice = try #require(EndingAdvice.all[ending], "\(ending)")
    #expect(!advice.causes.isEmpty)
    let word = try #require(WordExplanation(of: "\(ending.state)"))
    #expect(word.meanings.contains { $0.name == ending.name })
    #expect(!word.summary.isEmpty)
  }

  @Test(arguments: [
    ("sH", "the server let its time run out, before the response's head was there"),
    ("CD", "the client ended it, while the data went over"),
    ("--", "ended as it should"), ("D-", "the server lost its role"),
  ])
  func `the two letters are read out`(_ state: String, _ text: String) {
    #expect(WordExplanation(of: state)?.summary == text)
  }

  @Test(arguments: [400, 403, 404, 405, 408, 413, 414, 417, 421, 431, 502, 503, 504, 505])
  func `every status that the proxy makes has its reasons`(_ status: Int) throws {
    let word = try #require(WordExplanation(of: "\(status)"))
    #expect(!word.meanings.isEmpty && word.meanings.allSatisfy { !$0.reason.isEmpty })
    #expect(word.summary.hasPrefix("made by the proxy"))
  }

  @Test func `the reasons are those of the answers themselves`() throws {
    let reasons = try #require(WordExplanation(of: "503")).meanings.map(\.reason)
    #expect(reasons.contains("no server behind is ready; try again soon"))
    #expect(reasons.contains("too many wait for a server already; try again soon"))
    #expect(
      WordExplanation(of: "400")?.meanings.contains { $0.reason == "Host is missing" } == true)
  }

  @Test func `a status of servers alone is told as such, and what is nothing is nil`() {
    #expect(WordExplanation(of: "500")?.meanings.isEmpty == true)
    #expect(WordExplanation(of: "301")?.meanings.first?.state == "LR")
    for word in ["", "zz", "600", "99", "0503x", "SHH", "Sh"] {
      #expect(WordExplanation(of: word) == nil, "\(word)")
    }
    for word in ["timeout", "Refused", "reset", "alert"] {
      #expect(WordExplanation(of: word)?.meanings.isEmpty == false, "\(word)")
    }
  }
}
