internal import Foundation
internal import Proxy

/// What HAProxy's command line answers to those who only look; an answer is empty or ends its last line.
struct HAProxyCommands {
  let supervisor: Supervisor

  func answer(_ command: String) -> String {
    let words = command.split(separator: " ").map(String.init)
    switch words.prefix(2).joined(separator: " ") {
    case "show stat": return stat(words.dropFirst(2).map { Int($0) ?? -1 })
    case "show info": return info
    // hatop asks for a longer one than ours; ours holds.
    case "set timeout": return ""
    case "help": return Self.help
    case "": return ""
    default: return "Unknown command: this is gatehouse, which only shows.\n\(Self.help)"
    }
  }

  private func stat(_ filter: [Int]) -> String {
    var wanted = HAProxyTable.Filter()
    if filter.count == 3 { wanted = .init(proxy: filter[0], types: filter[1], server: filter[2]) }
    return supervisor.haproxyTable.text(wanted)
  }

  private var info: String {
    let status = supervisor.status()
    let seconds = Int(max(0, min(-status.startedAt.timeIntervalSinceNow, 1e12)))
    let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60)
    return """
      Name: Gatehouse
      Version: \(status.version)
      Release_date: -
      Nbthread: \(status.workers)
      Nbproc: 1
      Process_num: 1
      Pid: \(status.pid)
      Uptime: \(seconds / 86_400)d \(hours)h\(twoDigits(minutes))m\(twoDigits(seconds % 60))s
      Uptime_sec: \(seconds)
      Maxconn: \(supervisor.loaded.proxy.limits.connections)
      CurrConns: \(status.traffic.connections)
      CumConns: \(status.traffic.accepted)
      CumReq: \(status.traffic.requests)
      CumSslConns: \(status.traffic.handshakes)
      Maxpipes: 0
      PipesUsed: 0
      Tasks: \(status.traffic.connections)
      Run_queue: 0
      node: \(ProcessInfo.processInfo.hostName)

      """
  }

  private func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

  private static let help = """
    The following commands are valid at this level:
      help                        : this message
      prompt                      : toggle interactive mode with prompt
      quit                        : disconnect
      show info                   : what the process is, and how it does
      show stat [IID TYPE SID]    : listeners, backends and servers as a table

    """
}

extension Supervisor {
  var haproxyTable: HAProxyTable {
    HAProxyTable(status(), TrafficView(proxy.report(), history).traffic, loaded.proxy, peaks.peaks)
  }
}

extension AdminAPI {
  static let haproxyRoutes: [AdminRoute] = [
    AdminRoute("GET /v1/stat.csv", .viewer) { api, _ in
      LocalResponse(
        status: 200, contentType: "text/csv; charset=utf-8",
        body: Array(api.supervisor.haproxyTable.text().utf8))
    }
  ]
}

extension AdminClient {
  /// As HAProxy's `show stat` prints it.
  public func haproxyTable() throws -> String {
    String(decoding: try request("GET", "/v1/stat.csv"), as: UTF8.self)
  }
}
