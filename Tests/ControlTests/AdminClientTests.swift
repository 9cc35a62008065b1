import Foundation
import Proxy
import Testing

@testable import Control

@Suite struct AdminClientTests {
  static let status = """
    {
      "applied_at" : "2026-01-02T03:04:05Z",
      "backends" : [ {
        "name" : "b", "queued" : 5, "tier" : 0, "tiers" : [ 0, 1 ],
        "servers" : [ {
          "active" : 1, "address" : "127.0.0.1:9001", "backend" : "b", "checks" : 9,
          "configured_weight" : 2, "effective_weight" : 0.5, "ejected_for" : "refused",
          "ejected_until" : "2026-01-02T03:04:05Z", "failures" : 1, "health" : "up",
          "health_since" : "2026-01-02T03:04:05Z", "held_until" : "2026-01-02T03:04:05Z", "idle" : 3,
          "is_added" : false, "last_at" : "2026-01-02T03:04:05Z", "last_result" : "200 in 3 ms",
          "last_seconds" : 0.25, "name" : "s", "overrides" : [ {
            "backend" : "b", "by" : "alice", "configured" : "2", "configured_then" : "2",
            "conflict_since" : "2026-01-02T03:04:05Z", "effective" : "0.5",
            "ends" : "2026-01-02T03:04:05Z", "is_orphan" : false, "key" : "weight",
            "name" : "b/s.weight", "overridden" : "25%", "reason" : "", "server" : "s",
            "since" : "2026-01-02T03:04:05Z"
          } ], "queued" : 2, "requests" : 18446744073709551615, "role" : "replica", "state" : "set aside",
          "state_changes" : 2, "tier" : 0,
          "traffic" : {
            "bytes_in" : 1, "bytes_out" : 1, "connect_failures" : 1, "requests" : 1,
            "response_failures" : 1, "responses" : { "2xx" : 1 }
          }, "wanted" : "ready", "weight" : 0, "why" : "refused"
        } ]
      } ],
      "certificate_errors" : [ ],
      "certificates" : [ {
        "issuer" : "CN=a", "key_type" : "rsa-2048", "leaf_sha256" : "ab", "life_left" : 0.5,
        "listener" : "l", "name" : "c", "names" : [ "c.test" ], "not_after" : "2026-01-02T03:04:05Z",
        "not_before" : "2026-01-01T03:04:05Z", "problems" : [ "names: none" ], "serial" : "01",
        "state" : "kept", "warnings" : [ ]
      } ],
      "configuration" : "gatehouse.yaml",
      "configuration_path" : "/etc/gatehouse.yaml",
      "databases" : [ ],
      "firewall" : { "sources" : [ ] },
      "generation" : 7,
      "is_ending" : false,
      "names" : [ ],
      "last_apply_errors" : [ "gatehouse.yaml:1:1: no" ],
      "listeners" : [ {
        "addresses" : [ "[::]:443" ], "is_policy_enforced" : true, "name" : "l", "serves" : "https",
        "traffic" : {
          "accepted" : 1, "bytes_in" : 1, "bytes_out" : 1, "connections" : 1,
          "handshake_failures" : 1, "handshakes" : 1, "refused" : 1, "responses" : { "2xx" : 1 }
        }
      } ],
      "override_errors" : [ ],
      "restart_needed" : [ ],
      "overrides" : 1,
      "pid" : 42,
      "renewals" : [ {
        "authority" : "le", "certificate" : "c", "failures" : 2, "last_problem" : "no",
        "next_attempt" : "2026-01-02T03:04:05Z", "reason" : "lifetime",
        "renews_at" : "2026-01-02T03:04:05Z"
      } ],
      "routes" : [ ],
      "started_at" : "2026-01-02T03:04:05Z",
      "traffic" : {
        "aborts" : 1, "accepted" : 2, "connect_failures" : 3, "connections" : 4,
        "handshake_failures" : 5, "handshakes" : 6, "handshakes_resumed" : 1, "refused_as_banned" : 0, "refused_by_policy" : 7, "requests" : 8,
        "requests_forbidden" : 0, "would_refuse" : 0,
        "requests_refused" : 9, "responses" : { "2xx" : 10 }, "retries" : 11, "terminations" : { }
      },
      "version" : "0.1.0",
      "workers" : 2
    }
    """

  @Test func `a status is read as it was written`() throws {
    let admin = try StubAdmin(body: Self.status)
    let status = try AdminClient(socket: admin.path).status()
    #expect(admin.requests == ["GET /v1/status "])
    #expect(status.pid == 42 && status.generation == 7 && status.workers == 2)
    #expect(status.startedAt == Date(timeIntervalSince1970: 1_767_323_045))
    #expect(status.policy == nil)
    #expect(status.lastApplyErrors == ["gatehouse.yaml:1:1: no"])
    let server = try #require(status.backends.first?.servers.first)
    #expect(server.state == "set aside" && server.requests == .max && server.weight == 0)
    #expect(status.listeners.first?.serves == "https")
    #expect(status.traffic.responses == ["2xx": 10] && status.traffic.retries == 11)
  }

  /// Whoever has written a script against these names would miss one.
  @Test func `a status keeps the names of its parts`() throws {
    let status = try readJSON(Status.self, Data(Self.status.utf8))
    let written = try JSONSerialization.jsonObject(with: Data(try jsonText(status).utf8))
    let expected = try JSONSerialization.jsonObject(with: Data(Self.status.utf8))
    #expect(written as? NSDictionary == expected as? NSDictionary)
  }

  @Test func `an apply is asked for by its line`() throws {
    let admin = try StubAdmin(body: Self.status)
    #expect(try AdminClient(socket: admin.path).apply().generation == 7)
    #expect(admin.requests == ["POST /v1/apply "])
  }

  @Test func `changes of servers are asked for by their lines, names escaped`() throws {
    let admin = try StubAdmin(body: "[]")
    let client = AdminClient(socket: admin.path)
    let odd = ServerID(backend: "b?c", server: "d e#")
    _ = try? client.set(odd, ServerChange(weight: .absolute(3)))
    _ = try? client.set(
      odd,
      ServerChange(
        weight: .percent(50), state: .drain, terms: ChangeTerms(seconds: 60, reason: "a\"b")))
    _ = try? client.add(odd, ServerAddition(address: "[::1]:9", weight: 2))
    #expect(try client.remove(odd, ChangeTerms()).isEmpty)
    #expect(try client.failBack("b?c").isEmpty)
    _ = try? client.clearOverrides(odd, .weight)
    _ = try? client.clearOverrides(nil, nil)
    let path = "/v1/servers/b%3Fc/d%20e%23"
    #expect(
      admin.requests.map { $0.split(separator: "\n").joined().replacing("  ", with: " ") } == [
        "PATCH \(path) { \"weight\" : \"3\"}",
        "PATCH \(path) { \"reason\" : \"a\\\"b\", \"seconds\" : 60, \"state\" : \"drain\", \"weight\" : \"50%\"}",
        "POST \(path) { \"address\" : \"[::1]:9\", \"weight\" : 2}", "DELETE \(path) {}",
        "POST /v1/backends/b%3Fc/failback ", "DELETE /v1/overrides/b%3Fc/d%20e%23/weight ",
        "DELETE /v1/overrides ",
      ])
  }

  @Test(arguments: [
    (#"{"weight": 3}"#, "3"), (#"{"weight": "3"}"#, "3"), (#"{"weight": "50%"}"#, "50%"),
    (#"{"weight": 257}"#, nil), (#"{"weight": -1}"#, nil), (#"{"weight": 1.5}"#, nil),
    (#"{"weight": [3]}"#, nil),
  ]) func `a weight is read as a number or a text`(_ body: String, _ weight: String?) {
    let change = try? readJSON(ServerChange.self, Data(body.utf8))
    #expect(change?.weight?.text == weight)
  }

  @Test func `a refusal tells all that is wrong`() throws {
    let admin = try StubAdmin(status: 422, body: #"{"errors":["one","two"]}"#)
    do {
      _ = try AdminClient(socket: admin.path).apply()
      Issue.record("nothing was thrown")
    } catch AdminClient.Failure.refused(let status, let errors) {
      #expect(status == 422)
      #expect(errors == ["one", "two"])
    }
  }

  @Test func `a refusal without a reason tells its status`() throws {
    let admin = try StubAdmin(status: 500, body: "")
    do {
      _ = try AdminClient(socket: admin.path).status()
      Issue.record("nothing was thrown")
    } catch let failure as AdminClient.Failure {
      #expect(failure.description == "status 500")
    }
  }

  @Test(arguments: ["", "no JSON", "{}", "[]", #"{"pid": "42"}"#])
  func `an answer that is no status is an error`(_ body: String) throws {
    let admin = try StubAdmin(body: body)
    #expect(throws: (any Error).self) { try AdminClient(socket: admin.path).status() }
  }

  @Test func `where nothing answers, it says how to start`() {
    let path = "nowhere/gatehouse.sock"
    do {
      _ = try AdminClient(socket: path).status()
      Issue.record("nothing was thrown")
    } catch {
      #expect("\(error)".hasPrefix("no gatehouse answers on \(path)\n"))
    }
  }

  @Test(arguments: [108, 109, 5000])
  func `a path that no socket can have is refused`(_ count: Int) {
    do {
      _ = try AdminClient(socket: String(repeating: "a", count: count)).status()
      Issue.record("nothing was thrown")
    } catch {
      #expect("\(error)".contains("longer than 107 bytes"))
    }
  }
}
