import Foundation
import Testing

/// The dashboard while things happen: servers that die, a process that goes, texts of others, small windows.
@Suite(.serialized) struct DashboardLiveTests {
  @Test func `a server that dies is seen within two seconds, and again when it lives`() throws {
    let server = try PlainServer("s1")
    let door = try Door(
      edit: {
        $0.replacing(/(s1: \{ address: "127.0.0.1:)\d+/) { "\($0.output.1)\(server.port)" }
          .replacing(
            "  web:\n",
            with:
              "  web:\n    health: { tcp: true, interval: 200ms, fast_interval: 100ms, rise: 2, fall: 2 }\n"
          )
      })
    let browser = try Browser()
    try browser.logIn(door)
    #expect(try browser.waits(Browser.has("web/s1", state: "up")))
    try #require(
      try door.gate.waits {
        try door.gate.admin("GET", "/v1/servers/web/s1").body.contains(#""health" : "up""#)
      })
    let killed = Date().timeIntervalSince1970
    server.kill()
    let seen = try #require(try browser.moment(Browser.has("web/s1", state: "down")))
    #expect(seen - killed < 2, "\(seen - killed) s")
    // In words and a symbol, not in red alone.
    #expect(try browser.row("web/s1").contains("down"))
    #expect(
      try browser.text(
        "document.querySelector('[data-server=\"web/s1\"] use').getAttribute('href')") == "#bad")
    #expect(
      try browser.waits("document.querySelector('#events').innerText.includes('web/s1 is down')"))
    try server.start()
    #expect(try browser.waits(Browser.has("web/s1", state: "up")))
  }

  @Test
  func `without the process what is shown is called old, and with it the page goes on by itself`()
    throws
  {
    let door = try Door()
    let browser = try Browser()
    try browser.logIn(door)
    try door.gate.restart()
    // Sessions are in memory alone: who looked has to say again who he is.
    #expect(try browser.waits("!document.querySelector('#login').hidden", seconds: 20))
    #expect(
      try browser.text("document.querySelector('#login-notice').innerText").contains("log in again")
    )
    try browser.logIn(door)
    door.gate.signal(SIGSTOP)
    let banner = "document.querySelector('#banner')"
    #expect(try browser.waits("!\(banner).hidden", seconds: 20))
    #expect(try browser.text("\(banner).innerText").contains("Disconnected since"))
    #expect(try browser.holds("document.querySelector('#page').hasAttribute('data-old')"))
    door.gate.signal(SIGCONT)
    #expect(try browser.waits("\(banner).hidden", seconds: 20))
    #expect(try !browser.holds("document.querySelector('#page').hasAttribute('data-old')"))
  }

  @Test func `texts of others stay texts`() throws {
    let evil = "<img src=x onerror=window.taken=1><script>window.taken=1</script>"
    let door = try Door()
    let browser = try Browser()
    try browser.logIn(door)
    let body = try jsonOf(["state": "drain", "reason": evil])
    let change = try door.ask(
      "PATCH", "/v1/servers/web/s1", as: "operator", headers: ["Content-Type: application/json"],
      body: body)
    #expect(change.status == 200, "\(change.body)")
    #expect(
      try browser.waits("document.querySelector('#servers').innerText.includes('<img src=x')"))
    #expect(try browser.waits("document.querySelector('#events').innerText.includes('<img src=x')"))
    try browser.click("#why-address")
    try browser.type("192.0.2.7")
    try browser.click("#why-url")
    try browser.type("http://\(evil)/")
    try browser.press("Enter")
    #expect(try browser.waits("!document.querySelector('#why-answer').hidden"))
    #expect(
      try browser.text("document.querySelector('.command').innerText").contains("onerror=window"))
    #expect(try browser.worth("window.taken ?? 'free'") as? String == "free")
    #expect(try browser.worth("document.images.length") as? Int == 0)
    // What was refused is an error for the browser; that a policy was broken it would say, too.
    let complaints = try browser.log().console
    #expect(complaints.allSatisfy { $0.contains("400") }, "\(complaints)")
  }

  @Test func `why is one click away, with each step and the command for a terminal`() throws {
    let door = try Door()
    let browser = try Browser()
    try browser.logIn(door, "viewer")
    try browser.click("#why-address")
    try browser.type("192.0.2.7")
    try browser.press("Tab")
    try browser.type("\(door.gate.http) http://www.test/")
    try browser.press("Enter")
    #expect(
      try browser.waits("document.querySelector('#why-answer').innerText.includes('backend web')"))
    #expect(try browser.worth("document.querySelectorAll('.steps li').length > 2") as? Bool == true)
    #expect(
      try browser.text("document.querySelector('.command').innerText")
        == "gatehouse why 192.0.2.7 \(door.gate.http) http://www.test/")
    #expect(try browser.log().console == [])
  }

  @Test func `who was refused most is there, with why beside it`() throws {
    let door = try Door(
      policy: {
        """
        version: 1
        management: { from: [127.0.0.99], to: [tcp/22] }
        services: { web: { listen: [tcp/\($0)], allow: [127.0.0.3] } }

        """
      }, edit: { $0.replacing(#/ *http: \{ bind.*\n/#, with: "") })
    for _ in 0..<3 { _ = try door.gate.curl("--interface", "127.0.0.9") }
    let browser = try Browser()
    try browser.logIn(door, "viewer")
    let row = "document.querySelector('#dropped tr')"
    #expect(try browser.waits("\(row)?.innerText.includes('127.0.0.9')"))
    #expect(try browser.text("\(row).querySelector('[data-label=Refused]').innerText") == "3")
    #expect(try browser.text("\(row).querySelector('[data-label=Dropped]').innerText") == "–")
    try browser.click("#dropped button")
    #expect(
      try browser.waits("document.querySelector('#why-answer').innerText.includes('refused')"))
    #expect(
      try browser.text("document.querySelector('.command').innerText")
        == "gatehouse why 127.0.0.9 \(door.gate.https)")
    #expect(try browser.log().console == [])
  }

  @Test func `a telephone shows all of it without scrolling sideways, light and dark`() throws {
    let door = try Door()
    let browser = try Browser(width: 360, height: 740)
    try browser.logIn(door)
    for scheme in ["light", "dark"] {
      try browser.media(scheme: scheme, motion: "reduce")
      #expect(try browser.worth("document.documentElement.scrollWidth") as? Int == 360)
      // What a finger must meet is large enough.
      #expect(
        try browser.worth(
          "Math.min(...[...document.querySelectorAll('button.act')].map(one => one.offsetHeight))")
          as? Int ?? 0 >= 40)
      #expect(try browser.worth(Self.faint) as? [String] == [], "\(scheme)")
    }
    try browser.click("[data-server='web/s1'] .act")
    #expect(try browser.worth("document.documentElement.scrollWidth") as? Int == 360)
    #expect(
      try browser.holds("document.querySelector('#change').getBoundingClientRect().right <= 360"))
  }

  @Test func `200 servers of 50 backends are changed in place, without a long task`() throws {
    let servers = (1...50).map { backend in
      "  many\(backend):\n    servers:\n"
        + (1...4).map { "      n\($0): { address: \"127.0.0.1:\(20_000 + backend * 4 + $0)\" }\n" }
        .joined()
    }.joined()
    let door = try Door(edit: { $0.replacing("backends:\n", with: "backends:\n\(servers)") })
    let browser = try Browser()
    try browser.logIn(door, servers: 202)
    try browser.worth(
      """
      window.long = []; window.added = 0;
      new PerformanceObserver(list => window.long.push(...list.getEntries().map(one => one.duration)))
        .observe({ type: 'longtask' });
      new MutationObserver(list => { for (const one of list) window.added += [...one.addedNodes]
        .filter(node => node.nodeType === 1).length; })
        .observe(document.querySelector('#servers'), { childList: true, subtree: true });
      """)
    let before = try browser.text("document.querySelector('#strip').innerText")
    #expect(
      try browser.waits(
        "window.performance.now() - performance.getEntriesByType('navigation')[0].duration > 4000"))
    #expect(try browser.text("document.querySelector('#strip').innerText") != before)
    #expect(try browser.worth("window.added") as? Int == 0)
    let long = try browser.worth("Math.max(0, ...window.long)") as? Double ?? 0
    #expect(long < 250, "\(long) ms in one task")
    try browser.click("#find")
    try browser.type("many17/")
    #expect(try browser.waits("document.querySelectorAll('[data-server]').length === 4"))
  }

  private func jsonOf(_ value: [String: String]) throws -> String {
    String(decoding: try JSONSerialization.data(withJSONObject: value), as: UTF8.self)
  }

  /// Texts whose contrast is below 4.5 to 1 (WCAG 2.2, 1.4.3), with what they say.
  private static let faint = """
    (() => {
      const channels = text => { const canvas = new OffscreenCanvas(1, 1).getContext('2d');
        canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
      const light = text => { const [r, g, b] = channels(text).map(one => one / 255)
          .map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const ground = node => { for (let one = node; one; one = one.parentElement) {
          const colour = getComputedStyle(one).backgroundColor; if (channels(colour)[3] === 255) return colour; }
        return getComputedStyle(document.body).backgroundColor; };
      const words = [...document.querySelectorAll('#page *')].filter(node => node.offsetParent
        && [...node.childNodes].some(one => one.nodeType === 3 && one.data.trim()));
      return words.filter(node => { const pair = [light(getComputedStyle(node).color), light(ground(node))];
        return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05) < 4.5; }).map(node => node.innerText);
    })()
    """
}
