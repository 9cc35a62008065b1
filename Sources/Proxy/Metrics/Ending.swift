/// How an exchange ended: who ended it, and in which phase.
///
/// `state` are the two letters that HAProxy's users know (its configuration manual, section 8.5): the
/// first says who (`C` client, `S` server, lower case for a timeout, `P` this proxy, `L` answered here,
/// `R` a lack of resources, `D` the server lost its role, `K` an administrator), the second when
/// (`R` request, `Q` queue, `C` connect, `H` response head, `D` data).
public enum Ending: Int, CaseIterable, Sendable {
  case done, tunnelEnded
  case redirected, answeredHere
  case malformed, forbidden, noRoute, misdirected, bodyTooLarge
  case malformedBody
  case requestTimedOut, bodyTimedOut, bodyTimedOutInData
  case clientGoneInHead, clientGoneInQueue, clientGoneInConnect, clientGoneInWait, clientGoneInData
  case clientStalled
  case queueFull, queueTimedOut
  case noServer, connectFailed, connectTimedOut, outOfSockets
  case serverGone, serverTimedOut, badResponse
  case serverGoneInData, serverStalled
  case roleLost, banned, policyChanged, drained

  public var state: StaticString {
    switch self {
    case .done, .tunnelEnded: "--"
    case .redirected, .answeredHere: "LR"
    case .malformed, .forbidden, .noRoute, .misdirected, .bodyTooLarge: "PR"
    case .malformedBody: "PD"
    case .requestTimedOut: "cR"
    case .bodyTimedOut: "cH"
    case .bodyTimedOutInData, .clientStalled: "cD"
    case .clientGoneInHead: "CR"
    case .clientGoneInQueue: "CQ"
    case .clientGoneInConnect: "CC"
    case .clientGoneInWait: "CH"
    case .clientGoneInData: "CD"
    case .queueFull: "PQ"
    case .queueTimedOut: "sQ"
    case .noServer, .connectFailed: "SC"
    case .connectTimedOut: "sC"
    case .outOfSockets: "RC"
    case .serverGone: "SH"
    case .serverTimedOut: "sH"
    case .badResponse: "PH"
    case .serverGoneInData: "SD"
    case .serverStalled: "sD"
    case .roleLost: "D-"
    case .banned, .policyChanged, .drained: "K-"
    }
  }

  /// In plain words, for a log.
  public var reason: StaticString {
    switch self {
    case .done: "the response went out whole"
    case .tunnelEnded: "both sides ended the tunnel"
    case .redirected: "answered here with a redirect"
    case .answeredHere: "answered here"
    case .malformed: "the request can't be forwarded safely"
    case .forbidden: "the policy forbids it"
    case .noRoute: "no route takes this host and path"
    case .misdirected: "this host is not served over this connection"
    case .bodyTooLarge: "the body is larger than is taken here"
    case .malformedBody: "the request's body broke its framing after the response had begun"
    case .requestTimedOut: "the client did not send its head in time"
    case .bodyTimedOut: "the client did not send its body in time"
    case .bodyTimedOutInData: "the client stopped sending its body while it was answered"
    case .clientGoneInHead: "the client left in the middle of its head"
    case .clientGoneInQueue: "the client left while it waited for a server"
    case .clientGoneInConnect: "the client left while a server was connected to"
    case .clientGoneInWait: "the client left before the server answered"
    case .clientGoneInData: "the client left in the middle of the response"
    case .clientStalled: "the client stopped fetching the response"
    case .queueFull: "too many waited for a server already"
    case .queueTimedOut: "no server had room, or the role asked for, in time"
    case .noServer: "no server could be used"
    case .connectFailed: "no server could be reached"
    case .connectTimedOut: "the server did not take the connection in time"
    case .outOfSockets: "this machine had no socket left"
    case .serverGone: "the server ended the connection before it answered"
    case .serverTimedOut: "the server did not answer in time"
    case .badResponse: "the server's answer was no HTTP that may be forwarded"
    case .serverGoneInData: "the server ended the connection in the middle of its response"
    case .serverStalled: "the server stopped in the middle of its response"
    case .roleLost: "the server lost the role that the client asked for"
    case .banned: "the client was banned"
    case .policyChanged: "a new policy or configuration lets it in no longer"
    case .drained: "it did not end before the drain timeout"
    }
  }

  /// As metrics name it: `client_gone_in_data`.
  public var name: String {
    var text = ""
    for character in "\(self)" {
      if character.isUppercase { text.append("_") }
      text += character.lowercased()
    }
    return text
  }
}

extension Reply {
  /// Where it says more than its ending.
  var detail: StaticString? {
    switch self {
    case .refused(let why): why.reason
    case .badPath, .headTooLarge: reason
    case .noPrimary: "no server takes writes just now"
    case .forbidden, .noRoute, .misdirected, .contentTooLarge, .requestTimeout, .badGateway,
      .noServer, .gatewayTimeout, .queueFull, .queueTimeout:
      nil
    }
  }

  /// How an exchange ends that is answered so.
  var ending: Ending {
    switch self {
    case .refused(.requestTimeout): .requestTimedOut
    case .refused, .badPath, .headTooLarge: .malformed
    case .forbidden: .forbidden
    case .noRoute: .noRoute
    case .misdirected: .misdirected
    case .contentTooLarge: .bodyTooLarge
    case .requestTimeout: .bodyTimedOut
    case .badGateway: .serverGone
    case .noServer: .noServer
    case .noPrimary, .queueTimeout: .queueTimedOut
    case .queueFull: .queueFull
    case .gatewayTimeout: .serverTimedOut
    }
  }
}
