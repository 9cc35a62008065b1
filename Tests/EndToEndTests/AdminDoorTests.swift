import Foundation
import Testing

/// The admin API over TCP: who is let in, and who is not.
@Suite struct AdminDoorTests {
  @Test func `each token may do what its role may, nobody and a wrong one nothing`() throws {
    let door = try Door()
    let server = "/v1/servers/web/s1"
    for (role, method, path, body, status) in [
      (nil, "GET", "/v1/status", nil, 401), (nil, "GET", "/metrics", nil, 401),
      (nil, "GET", "/v1/none", nil, 401), (nil, "GET", "/v1/events/stream", nil, 401),
      (nil, "POST", "/v1/apply", nil, 401), ("viewer", "GET", "/v1/status", nil, 200),
      ("viewer", "GET", "/metrics", nil, 200), ("viewer", "GET", "/v1/session", nil, 200),
      ("viewer", "PATCH", server, #"{"weight": 5}"#, 403),
      ("viewer", "POST", "/v1/apply", nil, 403),
      ("operator", "PATCH", server, #"{"weight": 5}"#, 200),
      ("operator", "POST", "/v1/apply", nil, 403), ("admin", "POST", "/v1/apply", nil, 200),
      ("admin", "GET", "/v1/none", nil, 404),
    ] as [(String?, String, String, String?, Int)] {
      let answer = try door.ask(method, path, as: role, body: body)
      #expect(answer.status == status, "\(role ?? "nobody") \(method) \(path): \(answer.body)")
    }
    let wrong = try door.ask("GET", "/v1/status", headers: ["Authorization: Bearer \(UUID())"])
    #expect(wrong.status == 401 && wrong.field("WWW-Authenticate") == "Bearer realm=\"gatehouse\"")
    #expect(wrong.body.contains("no role has this token"))
    for header in ["Basic abc", "Bearer", "Bearer a b", "Bearer \u{e9}"] {
      let answer = try door.ask("GET", "/v1/status", headers: ["Authorization: \(header)"])
      #expect(answer.status == 400, "\(header)")
    }
    let twice = try door.ask("GET", "/v1/status", as: "admin", headers: ["Authorization: Bearer x"])
    #expect(twice.status == 400)
  }

  @Test func `no page of another site reaches any path, over TCP or the socket`() throws {
    let door = try Door()
    let routes = try door.routes()
    #expect(routes.count > 15)
    let pages = ["/", "/dashboard.css", "/dashboard.js", "/dashboard.svg", "/none"]
    let all =
      routes + pages.map { ("GET", $0) } + [("POST", "/v1/session"), ("DELETE", "/v1/session")]
      + [("OPTIONS", "/v1/apply")]
    let token = "Authorization: Bearer \(door.tokens["admin"] ?? "")"
    for headers in [
      ["Origin: http://evil.test"], ["Origin: null"], ["Origin: http://127.0.0.1"],
      ["Origin: https://127.0.0.1:\(door.port)"], ["Origin: http://localhost:\(door.port)"],
      ["Origin: http://127.0.0.1:\(door.port)", "Origin: http://evil.test"],
      ["Sec-Fetch-Site: cross-site"], ["Sec-Fetch-Site: same-site"], ["Sec-Fetch-Site: x"],
      ["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"], ["Sec-Fetch-Mode: no-cors"],
      ["Origin: http://evil.test", "Sec-Fetch-Site: same-origin"],
      ["Origin: \(door.origin)", "Sec-Fetch-Site: cross-site"],
    ] {
      let statuses = try door.statuses(all, headers: [token] + headers)
      #expect(statuses == all.map { _ in 403 }, "\(headers): \(zip(all, statuses).map { "\($0)" })")
      let unix = try door.statuses(all, headers: headers, unix: true)
      #expect(unix == all.map { _ in 403 }, "\(headers) over the socket")
    }
    // Of a typed address there is only a GET.
    let typed = try door.statuses(all, headers: [token, "Sec-Fetch-Site: none"])
    for (request, status) in zip(all, typed) {
      #expect((status == 403) == (request.0 != "GET"), "\(request): \(status)")
    }
    // Nothing of all that was done.
    #expect(try door.ask("GET", "/v1/status", as: "viewer").body.contains("\"generation\" : 1"))
    // And that it is the headers which refuse: a page of our own, and curl, get an answer.
    let own = ["Origin: \(door.origin)", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors"]
    let gets = all.filter { $0.0 == "GET" && $0.1 != "/v1/events/stream" }
    for headers in [own, []] {
      #expect(try !door.statuses(gets, headers: [token] + headers).contains(403), "\(headers)")
    }
  }

  @Test func `a host that is not ours is told which are, and none is not enough`() throws {
    let door = try Door(listen: ", names: [admin.test, \"tunnel.test:8443\"]")
    for host in ["evil.test", "127.0.0.1", "127.0.0.1:1", "admin.test", "tunnel.test:\(door.port)"]
    {
      let answer = try door.ask("GET", "/", as: "admin", headers: ["Host: \(host)"])
      #expect(answer.status == 421, "\(host)")
      #expect(answer.body.contains("answered here: 127.0.0.1:\(door.port), "))
    }
    for host in ["LocalHost:\(door.port)", "admin.test:\(door.port)", "tunnel.test:8443"] {
      #expect(try door.ask("GET", "/", headers: ["Host: \(host)"]).status == 200, "\(host)")
    }
    for request in [
      "GET / HTTP/1.0\r\n\r\n", "GET http://127.0.0.1:\(door.port)/ HTTP/1.0\r\n\r\n",
    ] {
      let socket = try RawSocket(port: door.port)
      socket.send(request)
      let answer = String(decoding: socket.receiveAll(), as: UTF8.self)
      #expect(answer.hasPrefix("HTTP/1.1 421 "), "\(answer)")
    }
  }

  @Test func `a page of ours is protected, and holds no secret`() throws {
    let door = try Door()
    for path in ["/", "/dashboard.css", "/dashboard.js", "/dashboard.svg", "/v1/status"] {
      let answer = try door.ask("GET", path)
      #expect(answer.status == (path == "/v1/status" ? 401 : 200), "\(path)")
      let policy = answer.field("Content-Security-Policy") ?? ""
      #expect(policy.hasPrefix("default-src 'self'; ") && policy.contains("frame-ancestors 'none'"))
      #expect(answer.field("X-Content-Type-Options") == "nosniff")
      #expect(answer.field("Referrer-Policy") == "no-referrer")
      #expect(answer.field("Cache-Control") == "no-store")
    }
    #expect(try door.ask("GET", "/").body.lowercased().contains("dashboard"))
  }

  @Test func `a body that is too large is refused before it is read`() throws {
    let door = try Door()
    let socket = try RawSocket(port: door.port)
    socket.send(
      "POST /v1/session HTTP/1.1\r\nHost: 127.0.0.1:\(door.port)\r\nContent-Length: 1048577\r\n\r\n"
    )
    #expect(socket.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 413 "))
    let chunked = try RawSocket(port: door.port)
    chunked.send(
      "POST /v1/session HTTP/1.1\r\nHost: 127.0.0.1:\(door.port)\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    for _ in 0..<17 { chunked.send("10000\r\n" + String(repeating: "x", count: 65536) + "\r\n") }
    #expect(chunked.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 413 "))
  }

  @Test func `after ten failures an address waits, but neither who has a token nor its sessions`()
    throws
  {
    let door = try Door()
    let cookie = try AdminSessionTests.logIn(door, "viewer")
    for _ in 0..<10 {
      #expect(
        try door.ask("GET", "/v1/status", headers: ["Authorization: Bearer wrong"]).status == 401)
    }
    let late = try door.ask("GET", "/v1/status", headers: ["Authorization: Bearer wrong"])
    #expect(late.status == 429, "\(late.body)")
    #expect((1...61).contains(Int(late.field("Retry-After") ?? "") ?? 0))
    // Who guesses must not lock others out.
    #expect(try door.ask("GET", "/v1/status", as: "admin").status == 200)
    #expect(try door.ask("GET", "/v1/status", headers: ["Cookie: \(cookie)"]).status == 200)
    // From elsewhere the right one is let in.
    let other = try door.ask(
      "GET", "/v1/status", as: "admin", with: ["--interface", "127.0.0.2"])
    #expect(other.status == 200)
    let failed = try door.audit().filter { ($0["outcome"] as? String)?.hasPrefix("401") == true }
    #expect(failed.count == 10)
    #expect(failed.allSatisfy { ($0["address"] as? String)?.hasPrefix("127.0.0.1:") == true })
  }

  @Test func `the log names token, certificate or session, and the address`() throws {
    let door = try Door()
    let server = "/v1/servers/web/s1"
    _ = try door.ask("PATCH", server, as: "operator", body: #"{"weight": 5}"#)
    _ = try door.ask("POST", "/v1/apply", as: "viewer")
    let entries = try door.audit()
    #expect(entries.map { $0["user"] as? String } == ["token operator", "token viewer"])
    #expect(entries.map { $0["role"] as? String } == ["operator", "viewer"])
    #expect(entries.allSatisfy { ($0["address"] as? String)?.hasPrefix("127.0.0.1:") == true })
    #expect(entries.allSatisfy { $0["uid"] == nil && $0["pid"] == nil })
    #expect((entries.last?["outcome"] as? String)?.hasPrefix("403: ") == true)
    let shown = try door.gate.command("audit", "--socket", door.gate.socket).standardOutput
    #expect(shown.contains("token operator (127.0.0.1:"))
  }
}
