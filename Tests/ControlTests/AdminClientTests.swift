import Foundation
import Testing

@testable import Control

@Suite struct AdminClientTests {
  static let status = """
    {
      "applied_at" : "2026-01-02T03:04:05Z",
      "backends" : [ {
        "name" : "b",
        "servers" : [ {
          "active" : 1, "address" : "127.0.0.1:9001", "configured_weight" : 2, "idle" : 3,
          "name" : "s", "requests" : 18446744073709551615, "state" : "set aside", "weight" : 0
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
      "generation" : 7,
      "names" : [ ],
      "last_apply_errors" : [ "gatehouse.yaml:1:1: no" ],
      "listeners" : [ {
        "addresses" : [ "[::]:443" ], "is_policy_enforced" : true, "name" : "l", "serves" : "https"
      } ],
      "pid" : 42,
      "renewals" : [ {
        "authority" : "le", "certificate" : "c", "failures" : 2, "last_problem" : "no",
        "next_attempt" : "2026-01-02T03:04:05Z", "reason" : "lifetime",
        "renews_at" : "2026-01-02T03:04:05Z"
      } ],
      "started_at" : "2026-01-02T03:04:05Z",
      "traffic" : {
        "aborts" : 1, "accepted" : 2, "connect_failures" : 3, "connections" : 4,
        "handshake_failures" : 5, "handshakes" : 6, "handshakes_resumed" : 1, "refused_as_banned" : 0, "refused_by_policy" : 7, "requests" : 8,
        "requests_forbidden" : 0, "would_refuse" : 0,
        "requests_refused" : 9, "responses" : { "2xx" : 10 }, "retries" : 11
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

  @Test func `an apply and a weight are asked for by their lines`() throws {
    let admin = try StubAdmin(body: Self.status)
    let client = AdminClient(socket: admin.path)
    #expect(try client.apply().generation == 7)
    #expect(try client.setWeight(3, backend: "b-1", server: "s_2.x").generation == 7)
    #expect(try client.setWeight(0, backend: "b?c", server: "d e#").generation == 7)
    #expect(
      admin.requests == [
        "POST /v1/apply ", "PUT /v1/servers/b-1/s_2.x {\n  \"weight\" : 3\n}",
        "PUT /v1/servers/b%3Fc/d%20e%23 {\n  \"weight\" : 0\n}",
      ])
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
