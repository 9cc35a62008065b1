import Foundation
import Testing

/// A true browser at the door: its own page may do all that its session may, another site's page nothing.
@Suite struct AdminBrowserTests {
  private struct Seen: Decodable {
    struct Own: Decodable {
      var before, login, change: Int
      var event: Int
      var inline, cookie: String
    }
    var own: Own
    var foreign: [String]
  }

  @Test func `a page of ours logs in and changes, one of another port of the same host does not`()
    throws
  {
    let other = Origin { connection, _ in
      while connection.receive(until: "\r\n\r\n").hasSuffix("\r\n\r\n") {
        let page = "<!doctype html><title>other</title><body>"
        connection.send(
          "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: \(page.utf8.count)\r\n\r\n"
            + page)
      }
    }
    let door = try Door()
    let folder = try TemporaryFolder()
    let script = try folder.write("browser.py", Self.script)
    let output = try run(
      // The system's own, which has the package python3-websocket.
      "/usr/bin/python3",
      [
        script, door.origin, door.tokens["admin"] ?? "", "http://127.0.0.1:\(other.port)",
        folder.url.appendingPathComponent("profile").path,
      ], seconds: 90)
    #expect(output.status == 0, "\(output.standardError)")
    let seen = try JSONDecoder().decode(Seen.self, from: Data(output.standardOutput.utf8))
    #expect(seen.own.before == 401 && seen.own.login == 200 && seen.own.change == 200)
    // The stream works with the cookie, which no script sees; nothing inline runs.
    #expect(seen.own.event == 1 && seen.own.cookie.isEmpty && seen.own.inline == "kept out")
    #expect(seen.foreign.count == 9 && seen.foreign.allSatisfy { $0 == "refused" }, "\(seen)")
    #expect(try door.audit().compactMap { $0["action"] as? String } == ["log in", "set"])
    let status = try door.ask("GET", "/v1/status", as: "viewer").body
    #expect(status.contains("\"generation\" : 1") && !status.contains("\"weight\" : 9"))
  }

  private static let script = #"""
    # Drives a headless browser: at our own page with a session, then at a page of another site.
    import json, os, signal, subprocess, sys, time, urllib.request
    import websocket

    door, token, other, profile = sys.argv[1:5]

    OWN = '''(async () => {
      const json = {"Content-Type": "application/json"};
      const ask = (method, path, body) =>
        fetch(path, {method, headers: json, body}).then(r => r.status);
      const before = await ask("GET", "/v1/status");
      const login = await ask("POST", "/v1/session", JSON.stringify({token: %s}));
      const change = await ask("PATCH", "/v1/servers/web/s1", '{"weight": 7}');
      const event = await new Promise(done => {
        const source = new EventSource("/v1/events/stream");
        source.addEventListener("status", e => { source.close(); done(JSON.parse(e.data).generation); });
        setTimeout(() => done("none"), 8000);
      });
      let inline = "kept out";
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.head.append(script);
      if (window.ran) inline = "ran";
      return {before, login, change, event, inline, cookie: document.cookie};
    })()'''

    # The same host on another port: to a browser the same site, so that the cookie goes along.
    FOREIGN = '''(async () => {
      const results = [];
      const attempts = [
        ["POST", "/v1/apply", {mode: "no-cors"}],
        ["POST", "/v1/apply", {mode: "no-cors", headers: {"Content-Type": "text/plain"}, body: "{}"}],
        ["POST", "/v1/apply", {headers: {"Content-Type": "application/json"}, body: "{}"}],
        ["PATCH", "/v1/servers/web/s1", {headers: {"Content-Type": "application/json"}, body: '{"weight": 9}'}],
        ["DELETE", "/v1/overrides", {}], ["GET", "/v1/status", {}], ["DELETE", "/v1/session", {}],
      ];
      for (const [method, path, more] of attempts) {
        const answer = await fetch(%s + path, {method, credentials: "include", ...more})
          .then(r => r.type + " " + r.status, () => "refused");
        results.push(answer);
      }
      const loads = (tag, path) => new Promise(done => {
        const element = document.createElement(tag);
        element.onload = () => done("loaded");
        element.onerror = () => done("refused");
        element.src = %s + path;
        document.body.append(element);
      });
      results.push(await loads("script", "/dashboard.js"), await loads("img", "/dashboard.svg"));
      const form = document.createElement("form");
      const frame = document.createElement("iframe");
      frame.name = "f";
      form.target = "f"; form.method = "POST"; form.action = %s + "/v1/apply";
      document.body.append(frame, form);
      form.submit();
      await new Promise(done => setTimeout(done, 1500));
      return results;
    })()'''

    # Told to end, it ends the browser, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    browser = subprocess.Popen(
        ["chromium-headless-shell", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
         "--remote-allow-origins=*", "--disable-dev-shm-usage", "--user-data-dir=" + profile, "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        port = None
        for line in browser.stderr:
            if "DevTools listening on" in line:
                port = line.split("127.0.0.1:")[1].split("/")[0]
                break
        pages = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10))
        page = next(p for p in pages if p["type"] == "page")
        line = websocket.create_connection(page["webSocketDebuggerUrl"], timeout=30)
        number = 0

        def call(method, **parameters):
            global number
            number += 1
            line.send(json.dumps({"id": number, "method": method, "params": parameters}))
            while True:
                answer = json.loads(line.recv())
                if answer.get("id") == number:
                    return answer.get("result", answer)

        def visit(address, script):
            call("Page.enable")
            call("Page.navigate", url=address)
            for _ in range(100):
                ready = call("Runtime.evaluate", expression="location.href + ' ' + document.readyState")
                if ready["result"]["value"] == address + " complete":
                    break
                time.sleep(0.1)
            answer = call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
            return answer["result"].get("value", answer)

        own = visit(door + "/", OWN % json.dumps(token))
        foreign = visit(other + "/", FOREIGN % ((json.dumps(door),) * 3))
        print(json.dumps({"own": own, "foreign": foreign}))
    finally:
        # The command is a script around the browser: the group, or the browser stays.
        os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()
    """#
}
