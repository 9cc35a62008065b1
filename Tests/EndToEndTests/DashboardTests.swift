import Foundation
import Testing

/// The dashboard in a true browser: what it shows, and what clicks and keys do.
@Suite(.serialized) struct DashboardTests {
  private func server(_ door: Door, _ name: String) throws -> [String: Any] {
    let body = try door.ask("GET", "/v1/servers/web/\(name)", as: "viewer").body
    return try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any] ?? [:]
  }

  @Test func `it shows every server, asks nobody else, and the browser has nothing to complain of`()
    throws
  {
    let door = try Door(origins: [.named("s1"), .named("s2"), .named("s3")])
    let browser = try Browser()
    try browser.logIn(door, servers: 3)
    #expect(try browser.row("web/s2").contains("up"))
    #expect(try browser.waits("document.querySelectorAll('#certificates tr').length === 1"))
    #expect(try browser.text("document.querySelector('#certificates').innerText").contains("days"))
    #expect(try browser.waits("document.querySelectorAll('#events tr').length > 0"))
    // Traffic of a second that ended after the page was opened.
    for _ in 0..<20 {
      _ = try door.gate.raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    }
    #expect(
      try browser.waits("document.querySelector('#heat-now').textContent.startsWith('half within')")
    )
    #expect(try browser.text("document.title").hasSuffix("Gatehouse"))
    let log = try browser.log()
    #expect(log.console.isEmpty, "\(log.console)")
    #expect(log.requests.count > 8)
    #expect(log.requests.allSatisfy { $0.hasPrefix("\(door.origin)/") }, "\(log.requests)")
  }

  @Test func `clicks drain a server and change a weight, and say why in the audit log`() throws {
    let door = try Door()
    let browser = try Browser()
    try browser.logIn(door)
    try browser.click("[data-server='web/s1'] .act")
    #expect(try browser.holds("document.querySelector('#change').open"))
    try browser.click("#change-reason")
    try browser.type("new kernel")
    try browser.click("#change-do")
    #expect(try browser.waits(Browser.has("web/s1", state: "drain")))
    #expect(try server(door, "s1")["wanted"] as? String == "drain")
    #expect(try browser.row("web/s1").contains("session operator: new kernel"))
    #expect(try door.audit().last?["reason"] as? String == "new kernel")

    try browser.click("[data-server='web/s2'] .weight")
    try browser.type("7")
    try browser.press("Enter")
    #expect(
      try browser.waits(
        "document.querySelector('[data-server=\"web/s2\"] .weight').innerText === '7'"))
    #expect(try server(door, "s2")["effective_weight"] as? Double == 7)

    try browser.click("[data-server='web/s1'] .act")
    try browser.click("#change-do")
    #expect(try browser.waits(Browser.has("web/s1", state: "up")))
    #expect(try server(door, "s1")["wanted"] as? String == "ready")
    #expect(try browser.log().console == [])
  }

  @Test func `the last server that is ready is not drained by a slip`() throws {
    let door = try Door(origins: [.named("s1")])
    let browser = try Browser()
    try browser.logIn(door, servers: 1)
    try browser.click("[data-server='web/s1'] .act")
    #expect(
      try browser.text("document.querySelector('#change-last').innerText").contains("No other"))
    try browser.click("#change-do")
    #expect(try browser.holds("document.querySelector('#change').open"))
    #expect(try server(door, "s1")["wanted"] as? String == "ready")
    try browser.click("#change-sure")
    try browser.click("#change-do")
    #expect(try browser.waits(Browser.has("web/s1", state: "drain")))
  }

  @Test func `what somebody else changed meanwhile is not overwritten`() throws {
    let door = try Door()
    let browser = try Browser()
    try browser.logIn(door)
    try browser.click("[data-server='web/s1'] .weight")
    // What the dialog began with has come.
    #expect(
      try browser.waits(
        "performance.getEntriesByName(location.origin + '/v1/servers/web/s1').length > 0"))
    let other = try door.ask(
      "PATCH", "/v1/servers/web/s1", as: "operator", headers: ["Content-Type: application/json"],
      body: #"{"weight": 3}"#)
    #expect(other.status == 200)
    try browser.click("#change-do")
    #expect(
      try browser.waits(
        "document.querySelector('#change-error').textContent.includes('changed in between')"))
    #expect(try server(door, "s1")["effective_weight"] as? Double == 3)
    // Having said so, the next attempt counts.
    #expect(
      try browser.waits("document.querySelector('#change-facts').textContent.includes('weight 3')"))
    try browser.click("#change-do")
    #expect(try browser.waits("!document.querySelector('#change').open"))
    #expect(try server(door, "s1")["effective_weight"] as? Double == 1)
  }

  @Test func `who may only look is told so, and changes nothing`() throws {
    let door = try Door()
    let browser = try Browser()
    try browser.logIn(door, "viewer")
    #expect(
      try browser.text("document.querySelector('#may-not').innerText").contains("the role operator")
    )
    for button in [".act", ".weight"] {
      let path = "document.querySelector('[data-server=\"web/s1\"] \(button)')"
      #expect(try browser.text("\(path).getAttribute('aria-disabled')") == "true")
      try browser.click("[data-server='web/s1'] \(button)")
      #expect(try !browser.holds("document.querySelector('#change').open"))
    }
    // Nor would the API have it, whatever the page shows.
    let status = try browser.worth(
      """
      fetch('/v1/servers/web/s1', { method: 'PATCH', body: '{"state": "drain"}',
        headers: { 'Content-Type': 'application/json' } }).then(answer => answer.status)
      """)
    #expect(status as? Int == 403)
    #expect(try server(door, "s1")["wanted"] as? String == "ready")
  }

  @Test func `the keyboard alone logs in, drains and logs out`() throws {
    let door = try Door()
    let browser = try Browser()
    try browser.logIn(door)
    func tab(until isThere: String) throws -> Bool {
      for _ in 0..<40 {
        if try browser.holds("document.activeElement.matches(\"\(isThere)\")") { return true }
        try browser.press("Tab")
      }
      return false
    }
    #expect(try tab(until: "[data-server='web/s2'] .act"))
    // Where one is can be seen.
    #expect(
      try browser.text("getComputedStyle(document.activeElement).outlineStyle") == "solid")
    try browser.press("Enter")
    #expect(try browser.holds("document.querySelector('#change').open"))
    try browser.press("Escape")
    #expect(try !browser.holds("document.querySelector('#change').open"))
    // Back where one was.
    #expect(try tab(until: "[data-server='web/s2'] .act"))
    try browser.press(" ")
    #expect(try tab(until: "#change-do"))
    try browser.press("Enter")
    #expect(try browser.waits(Browser.has("web/s2", state: "drain")))
    #expect(try server(door, "s2")["wanted"] as? String == "drain")
    #expect(try tab(until: "#heat"))
    try browser.press("ArrowLeft")
    #expect(try browser.text("document.querySelector('#heat-read').textContent") != "")
    #expect(try tab(until: "#log-out"))
    try browser.press("Enter")
    #expect(try browser.waits("!document.querySelector('#login').hidden"))
    #expect(try browser.holds("document.querySelector('#page').hidden"))
    let after = try browser.worth("fetch('/v1/status').then(answer => answer.status)")
    #expect(after as? Int == 401)
  }
}
