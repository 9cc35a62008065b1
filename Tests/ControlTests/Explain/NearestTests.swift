import Testing

@testable import Control

@Suite struct NearestTests {
  @Test(arguments: [
    ("timeoout", "timeout"), ("refsed", "refused"), ("5030", "503"), ("alrt", "alert"),
  ])
  func `a word that is nearly one is taken for it`(_ typed: String, _ meant: String) {
    #expect(WordExplanation.nearest(to: typed) == meant)
  }

  @Test(arguments: ["", "x", "configuration", String(repeating: "t", count: 100_000)])
  func `one that is far from all is taken for none`(_ typed: String) {
    #expect(WordExplanation.nearest(to: typed) == nil)
  }

  @Test func `what to type names the request's own client and URL, safe for a shell`() throws {
    let line = #"""
      {"client_ip": "192.0.2.7", "host": "a.test", "path": "/x?a=1&b='", "listener": "http",
       "backend": "web", "server": "s1", "term": "LR", "status": 404, "method": "GET",
       "term_reason": "no route takes it"}
      """#.replacing("\n", with: "")
    let request = try #require(LoggedRequest(line: .init(line.utf8)))
    #expect(
      request.filled("gatehouse why ADDRESS URL")
        == #"gatehouse why 192.0.2.7 'http://a.test/x?a=1&b='\'''"#)
    #expect(request.filled("gatehouse ban del ADDRESS") == "gatehouse ban del 192.0.2.7")
    #expect(
      request.filled("gatehouse server set BACKEND/SERVER --state ready")
        == "gatehouse server set web/s1 --state ready")
    #expect(request.meaning?.steps.contains { $0.contains("ADDRESS URL") } == false)
  }
}
