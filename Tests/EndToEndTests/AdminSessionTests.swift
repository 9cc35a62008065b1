import Foundation
import Testing

/// A browser's way in: a token once, then a cookie.
@Suite struct AdminSessionTests {
  /// The cookie, as it is sent.
  static func logIn(_ door: Door, _ role: String) throws -> String {
    let body = #"{"token": "\#(door.tokens[role] ?? "")"}"#
    let answer = try door.ask(
      "POST", "/v1/session", headers: ["Content-Type: application/json"], body: body)
    let field = try #require(answer.field("Set-Cookie"), "\(answer)")
    return String(try #require(field.split(separator: ";").first))
  }

  @Test(arguments: [false, true])
  func `a token gives a cookie that only this host gets, and no script sees`(_ tls: Bool) throws {
    let door = try Door(tls: tls)
    let answer = try door.ask("POST", "/v1/session", as: "operator")
    #expect(answer.status == 200 && answer.body.contains("\"role\" : \"operator\""))
    let cookie = try #require(answer.field("Set-Cookie"))
    let parts = cookie.split(separator: "; ").map(String.init)
    #expect(parts[0].hasPrefix(tls ? "__Host-gatehouse=" : "gatehouse="))
    #expect(
      Set(parts.dropFirst())
        == Set(
          ["Path=/", "HttpOnly", "SameSite=Strict", "Max-Age=43200"] + (tls ? ["Secure"] : [])))
    let status = try door.ask("GET", "/v1/status", headers: ["Cookie: a=b; \(parts[0])"])
    #expect(status.status == 200)
    // Two of one name: one of them may be another's.
    let tossed = try door.ask(
      "GET", "/v1/status", headers: ["Cookie: \(parts[0]); \(parts[0].split(separator: "=")[0])=x"])
    #expect(tossed.status == 401)
  }

  @Test func `what a session changes comes as JSON from a page of ours`() throws {
    let door = try Door()
    let cookie = "Cookie: \(try Self.logIn(door, "operator"))"
    let json = "Content-Type: application/json"
    let server = "/v1/servers/web/s1"
    for (headers, status) in [
      ([json, "Sec-Fetch-Site: same-origin"], 200), ([json, "Origin: \(door.origin)"], 200),
      ([json], 403), (["Sec-Fetch-Site: same-origin"], 415),
      (["Content-Type: text/plain", "Sec-Fetch-Site: same-origin"], 415),
      ([json, "Sec-Fetch-Site: none"], 403), ([json, "Sec-Fetch-Site: cross-site"], 403),
    ] {
      let answer = try door.ask(
        "PATCH", server, headers: [cookie] + headers, body: #"{"weight": 5}"#)
      #expect(answer.status == status, "\(headers): \(answer.body)")
    }
    let apply = try door.ask(
      "POST", "/v1/apply", headers: [cookie, json, "Sec-Fetch-Site: same-origin"])
    #expect(apply.status == 403 && apply.body.contains("session operator (127.0.0.1:"))
    let users = try door.audit().compactMap { $0["user"] as? String }
    #expect(users.first == "token operator" && users.contains("session operator"))
  }

  @Test func `it ends when its user says so, and when its token is another`() throws {
    let door = try Door()
    let own = "Sec-Fetch-Site: same-origin"
    let first = "Cookie: \(try Self.logIn(door, "viewer"))"
    let second = "Cookie: \(try Self.logIn(door, "viewer"))"
    #expect(try door.ask("DELETE", "/v1/session", headers: [first]).status == 403)
    #expect(try door.ask("GET", "/v1/session", headers: [first]).status == 200)
    let end = try door.ask("DELETE", "/v1/session", headers: [first, own])
    #expect(end.status == 200 && end.field("Set-Cookie")?.contains("Max-Age=0") == true)
    #expect(try door.ask("GET", "/v1/session", headers: [first]).status == 401)
    #expect(try door.ask("GET", "/v1/session", headers: [second]).status == 200)
    try door.write(token: String(repeating: "n", count: 40), of: "viewer")
    #expect(try door.ask("POST", "/v1/apply", as: "admin").status == 200)
    #expect(try door.ask("GET", "/v1/session", headers: [second]).status == 401)
    #expect(try door.ask("GET", "/v1/status", as: "viewer").status == 401)
  }

  @Test func `a login that is no token is refused`() throws {
    let door = try Door()
    let json = "Content-Type: application/json"
    for (headers, body, status) in [
      ([json], "{}", 400), ([json], "", 400), ([json], #"{"token": 5}"#, 400),
      ([json], #"{"token": "wrong"}"#, 401), ([], #"{"token": "wrong"}"#, 415),
      (["Content-Type: text/plain"], #"{"token": "wrong"}"#, 415),
    ] {
      let answer = try door.ask("POST", "/v1/session", headers: headers, body: body)
      #expect(answer.status == status, "\(headers) \(body): \(answer.body)")
      #expect(answer.field("Set-Cookie") == nil)
    }
  }
}
