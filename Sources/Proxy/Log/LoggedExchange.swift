/// What a policy said of a request.
struct Judgement {
  enum Verdict: Equatable { case none, allow, deny, audit }

  enum Rule {
    /// Who may connect.
    case connection
    /// The rule for requests of this index.
    case rule(Int)
    /// What no rule names.
    case others
    case ban
    /// Nobody can tell whom a proxy in front asks for.
    case unreadable
  }

  var verdict = Verdict.none
  var rule = Rule.connection
  /// Whose rules these are.
  var access: RequestAccess?
}

/// An exchange that has ended, as its line tells of it.
struct LoggedExchange {
  struct TLS {
    var version: StaticString
    var cipher: CipherName
    var isResumed: Bool
    var serverName: [UInt8]
    var clientName: [UInt8]
  }

  /// What went on beside it in this worker.
  struct Load {
    var clients = 0
    var backend = 0
    var server = 0
    var queue = 0
  }

  /// In milliseconds since 1970.
  var endedAt: Int64 = 0
  /// In microseconds of the worker's clock.
  var ended: Int64 = 0
  var times = ExchangeTimes()
  var client = IPAddress.ipv4(0)
  /// 0 where a trusted proxy has told of the client.
  var port: UInt16 = 0
  /// Indices into the snapshot that logs; the server's among all.
  var listener: Int?
  var route: Int?
  var backend: Int?
  var server: Int?
  var isStream = false
  var status: UInt16 = 0
  var bytesIn: UInt64 = 0
  var bytesOut: UInt64 = 0
  var retries: UInt16 = 0
  var ending = Ending.done
  var reason: StaticString = ""
  /// Nil in clear.
  var tls: TLS?
  var judgement = Judgement()
  var load = Load()
  var requestID = RequestID()
  var traceID = RequestID()

  /// From the first byte of its head.
  var totalMicros: Int64 { max(0, ended - times.began) }
  var startedAt: Int64 { endedAt - totalMicros / 1000 }
  var reqMicros: Int64 { max(0, times.started - times.began) }
  var queueMicros: Int64? { times.placed > 0 ? max(0, times.placed - times.started) : nil }
  var connectMicros: Int64? {
    times.placed > 0 && times.connected > 0 ? max(0, times.connected - times.placed) : nil
  }
  var firstByteMicros: Int64? {
    times.connected > 0 && times.answered > 0 ? max(0, times.answered - times.connected) : nil
  }
}

/// One line of the access log.
enum LogLine {
  static let end: UInt8 = 0x0a
  /// More than any line is long: 2,720 bytes of a client, six for each in JSON, and eight names.
  static let limit = 24 << 10
  static let serverNameLimit = 255
  static let clientNameLimit = 128
}
