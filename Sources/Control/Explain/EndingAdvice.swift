public import Proxy

/// Where an ending usually comes from, and what to type next.
public struct EndingAdvice: Sendable, Encodable {
  public let causes: [String]
  public let steps: [String]

  init(_ causes: [String], _ steps: [String]) {
    self.causes = causes
    self.steps = steps
  }

  /// Of each ending there is; a test holds that none is left out.
  public static func of(_ ending: Ending) -> EndingAdvice { all[ending] ?? EndingAdvice([], []) }

  static let all: [Ending: EndingAdvice] = served.merging(refused) { $1 }
    .merging(clients) { $1 }.merging(servers) { $1 }.merging(ours) { $1 }

  private static let served: [Ending: EndingAdvice] = [
    .done: EndingAdvice(["nothing is wrong; a bad status is the server's own"], []),
    .tunnelEnded: EndingAdvice(["a WebSocket or a stream that was ended by both sides"], []),
    .redirected: EndingAdvice(
      ["the listener has `redirect: https`, or a route has `redirect`"], [why]),
    .answeredHere: EndingAdvice(["the proxy itself has the answer, such as a live challenge"], []),
  ]

  private static let refused: [Ending: EndingAdvice] = [
    .malformed: EndingAdvice(
      [
        "a client that breaks the rules of HTTP, or an attack",
        "a path that two readers could take for two paths: `..`, an encoded slash, a bad escape",
        "a head larger than `limits.head` or `limits.headers`",
      ], ["read the reason in the answer, or ask the client for it", why]),
    .forbidden: EndingAdvice(
      [
        "a rule `http` of the policy does not allow the client",
        "the client is banned behind a trusted proxy",
        "X-Forwarded-For of a trusted proxy can't be read",
      ], [why, "gatehouse ban list"]),
    .noRoute: EndingAdvice(
      ["the host or the path is in no route", "a route says /x where /x/** is meant"], [why]),
    .misdirected: EndingAdvice(
      [
        "a client uses one connection for two hosts that ask for different client certificates",
        "a route without host, and a host that no certificate bears",
      ], [why, "gatehouse cert list"]),
    .bodyTooLarge: EndingAdvice(
      ["the body is larger than `body` of the route, or `limits.body`"],
      ["raise `body` of the route, if the server behind takes so much", why]),
    .malformedBody: EndingAdvice(
      ["a chunk or trailer of the request is malformed: a broken client, or an attack"], []),
  ]

  private static let clients: [Ending: EndingAdvice] = [
    .requestTimedOut: EndingAdvice(
      [
        "a client that opened a connection and sent nothing whole: a slow network, or Slowloris",
        "`timeouts.head` is short for what clients send",
      ], [bans]),
    .bodyTimedOut: EndingAdvice(["an upload that stalls, or is slower than 500 B/s"], [bans]),
    .bodyTimedOutInData: EndingAdvice(["a client that stops its upload while it is answered"], []),
    .clientGoneInHead: EndingAdvice(["a lost network, or a scanner"], []),
    .clientGoneInQueue: EndingAdvice(
      ["the wait for a server is longer than clients are patient"], [list, limit]),
    .clientGoneInConnect: EndingAdvice(["a server that takes connections slowly"], [list]),
    .clientGoneInWait: EndingAdvice(
      ["the server takes longer than clients are patient", "a person who pressed stop"],
      ["compare t.ttfb of the log with the clients' own timeouts", list]),
    .clientGoneInData: EndingAdvice(
      ["a person who left the page, a lost network, a download that was stopped"],
      ["nothing, unless it is often: then compare it by client and by path in the access log"]),
    .clientStalled: EndingAdvice(
      ["a client that does not read what it asked for: a lost network, or an attack"], [bans]),
  ]

  private static let servers: [Ending: EndingAdvice] = [
    .noServer: EndingAdvice(
      ["every server is down, drained, in maintenance, of weight 0, or set aside"],
      [list, "gatehouse status", "gatehouse server set BACKEND/SERVER --state ready"]),
    .connectFailed: EndingAdvice(
      ["the server does not listen: connection refused", "its TLS is not what `tls` expects"],
      [list, "on the server: ss -ltnp"]),
    .connectTimedOut: EndingAdvice(
      ["a firewall in front of the server drops", "the server's queue of connections is full"],
      [list, "from this machine: curl -v --max-time 3 http://ADDRESS:PORT/"]),
    .serverGone: EndingAdvice(
      [
        "the server's process died or was restarted while it worked on the request",
        "its keep-alive is shorter than `timeouts.pool`, and the request must not be repeated",
      ], ["look into the server's own log at that second", list]),
    .serverTimedOut: EndingAdvice(
      ["the server works longer than `timeouts.response`", "it waits for a database, or hangs"],
      ["look into the server's own log at that second", list, "raise `timeouts.response`"]),
    .badResponse: EndingAdvice(
      [
        "the server's head is malformed or larger than `limits.response_head`",
        "it speaks TLS, or another protocol, on that port",
      ], ["from this machine: curl -v http://ADDRESS:PORT/"]),
    .serverGoneInData: EndingAdvice(
      ["the server died or gave up in the middle of its response"],
      ["look into the server's own log at that second", list]),
    .serverStalled: EndingAdvice(
      ["the server stopped in the middle, longer than `timeouts.response`"],
      ["look into the server's own log at that second"]),
    .roleLost: EndingAdvice(
      ["a switchover: the primary is another one now, and the listener has `on_role_loss: cut`"],
      ["gatehouse db status"]),
  ]

  private static let ours: [Ending: EndingAdvice] = [
    .queueFull: EndingAdvice(
      ["more requests than the servers carry, and `limit.queue` wait already"], [list, limit]),
    .queueTimedOut: EndingAdvice(
      [
        "the servers carry all that their `limit` allows, for longer than its `wait`",
        "a write came while no server was primary",
      ], [list, limit, "gatehouse db status"]),
    .outOfSockets: EndingAdvice(
      ["this machine is out of descriptors, ports or memory"],
      ["ulimit -n; ss -s", "lower `limits.connections`"]),
    .banned: EndingAdvice(
      ["a rule `ban` of the policy, or somebody by hand"],
      ["gatehouse ban list", "gatehouse ban del ADDRESS"]),
    .policyChanged: EndingAdvice(
      ["an apply took away what let it in, and the policy says `existing_connections: close`"],
      [why, "gatehouse policy history"]),
    .drained: EndingAdvice(
      ["the process ended, and `timeouts.drain` was over"], ["raise `timeouts.drain`"]),
  ]

  private static let why = "gatehouse why ADDRESS URL"
  private static let list = "gatehouse server list"
  private static let limit = "raise `limit` of the backend, or add a server"
  private static let bans = "if one address does it often: a `limit` and `ban` in the policy"
}
