internal import Foundation
internal import Proxy

/// The table that `show stat` of HAProxy prints, of what runs here; its readers need not be changed.
///
/// What has no counterpart here (limits of rates, caches, maxima of times) is left empty. Times are
/// averages since the start, in milliseconds; maxima and rates are as `PeakBook` has seen them.
struct HAProxyTable {
  /// As `show stat IID TYPE SID` asks for it; -1 stands for any.
  struct Filter {
    var proxy = -1
    /// 1 frontends, 2 backends, 4 servers.
    var types = -1
    var server = -1

    func takes(_ proxy: Int, type: Int, _ server: Int) -> Bool {
      (self.proxy == -1 || self.proxy == proxy) && (types == -1 || types & (1 << type) != 0)
        && (self.server == -1 || self.server == server)
    }
  }

  private let status: Status
  private let traffic: TrafficReport
  private let configuration: ProxyConfiguration
  private let peaks: [PeakBook.Key: PeakBook.Peaks]
  private let now: Date

  init(
    _ status: Status, _ traffic: TrafficReport, _ configuration: ProxyConfiguration,
    _ peaks: [PeakBook.Key: PeakBook.Peaks], now: Date = Date()
  ) {
    self.peaks = peaks
    self.status = status
    self.traffic = traffic
    self.configuration = configuration
    self.now = now
  }

  func text(_ filter: Filter = Filter()) -> String {
    var lines = [HAProxyColumns.header]
    // HAProxy's own numbers begin at 2, too.
    for (index, listener) in status.listeners.enumerated()
    where filter.takes(index + 2, type: 0, 0) {
      lines.append(HAProxyColumns.line(frontend(listener, number: index + 2)))
    }
    for (index, backend) in status.backends.enumerated() {
      let number = index + 2 + status.listeners.count
      for (place, server) in backend.servers.enumerated()
      where filter.takes(number, type: 2, place + 1) {
        var fields = row(server, of: backend)
        fields["iid"] = "\(number)"
        fields["sid"] = "\(place + 1)"
        lines.append(HAProxyColumns.line(fields))
      }
      guard filter.takes(number, type: 1, 0) else { continue }
      lines.append(HAProxyColumns.line(row(backend, number: number)))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func frontend(_ one: Status.Listener, number: Int) -> [String: String] {
    let total = one.traffic.responses.values.reduce(0, &+)
    let full = one.traffic.handshakes
    return [
      "pxname": one.name, "svname": "FRONTEND", "scur": "\(one.traffic.connections)",
      "slim": "\(configuration.limits.connections)", "stot": "\(one.traffic.accepted)",
      "bin": "\(one.traffic.bytesIn)", "bout": "\(one.traffic.bytesOut)",
      "dreq": "\(one.traffic.refused)", "dresp": "0", "ereq": "0", "status": "OPEN", "pid": "1",
      "iid": "\(number)", "sid": "0", "type": "0", "req_tot": "\(total)",
      "mode": one.serves == "tcp" ? "tcp" : "http", "conn_tot": "\(one.traffic.accepted)",
      "dcon": "\(one.traffic.refused)", "ssl_sess": "\(full)",
      "ssl_failed_handshake": "\(one.traffic.handshakeFailures)",
    ].merging(responses(one.traffic.responses)) { $1 }
      .merging(listenerPeaks(one)) { $1 }
  }

  /// Of a listener: its connections are what HAProxy calls sessions.
  private func listenerPeaks(_ one: Status.Listener) -> [String: String] {
    let peak = peaks[.listener(one.name)] ?? PeakBook.Peaks()
    let highest = max(peak.active, Int(clamping: one.traffic.connections))
    return [
      "smax": "\(highest)", "rate": "\(peak.rate)", "rate_max": "\(peak.highestRate)",
      "conn_rate": "\(peak.rate)", "conn_rate_max": "\(peak.highestRate)",
      "req_rate": "\(peak.requestRate)", "req_rate_max": "\(peak.highestRequestRate)",
    ]
  }

  /// Of a backend or a server.
  private func peaks(_ key: PeakBook.Key, active: Int, queued: Int) -> [String: String] {
    let peak = peaks[key] ?? PeakBook.Peaks()
    return [
      "smax": "\(max(peak.active, active))", "qmax": "\(max(peak.queued, queued))",
      "rate": "\(peak.rate)", "rate_max": "\(peak.highestRate)",
    ]
  }

  private func row(_ one: Status.Backend, number: Int) -> [String: String] {
    let meter = traffic.backends[one.name] ?? BackendMeter()
    let up = one.servers.filter { ["up", "standby"].contains($0.state) }
    let (spare, first) = (up.filter { isSpare($0, one) }, up.filter { !isSpare($0, one) })
    func sum(_ value: (Status.Server) -> UInt64) -> String {
      "\(one.servers.reduce(UInt64(0)) { $0 &+ value($1) })"
    }
    let group = configuration.backends.first { $0.name == one.name }
    return [
      "pxname": one.name, "svname": "BACKEND", "qcur": "\(one.queued)",
      "scur": "\(one.servers.reduce(0) { $0 + $1.active })", "stot": "\(meter.responses.total)",
      "bin": sum(\.traffic.bytesIn), "bout": sum(\.traffic.bytesOut), "dreq": "0", "dresp": "0",
      "econ": sum(\.traffic.connectFailures), "eresp": sum(\.traffic.responseFailures),
      "wretr": "\(meter.retries)", "wredis": "0", "status": up.isEmpty ? "DOWN" : "UP",
      "weight": "\(first.reduce(0) { $0 + $1.weight })", "act": "\(first.count)",
      "bck": "\(spare.count)", "chkdown": sum(\.stateChanges), "lastchg": since(status.startedAt),
      "pid": "1", "iid": "\(number)", "sid": "0", "lbtot": sum(\.requests), "type": "1",
      "req_tot": "\(meter.responses.total)",
      "cli_abrt": "\(endings(meter) { $0 == "C" || $0 == "c" })",
      "srv_abrt": "\(endings(meter) { $0 == "S" || $0 == "s" })",
      "qtime": average(meter.queue), "ctime": average(meter.connect),
      "rtime": average(meter.firstByte), "ttime": average(meter.total),
      "mode": group?.split == nil ? "http" : "tcp",
    ].merging(responses(meter.responses.byName)) { $1 }
      .merging(
        peaks(
          .backend(one.name), active: one.servers.reduce(0) { $0 + $1.active }, queued: one.queued)
      ) { $1 }
  }

  private func row(_ one: Status.Server, of backend: Status.Backend) -> [String: String] {
    let id = ServerID(backend: one.backend, server: one.name)
    let meter = traffic.servers[id] ?? ServerMeter()
    let isSpare = isSpare(one, backend)
    var fields = [
      "pxname": one.backend, "svname": one.name, "qcur": "\(one.queued)", "scur": "\(one.active)",
      "stot": "\(one.requests)", "bin": "\(one.traffic.bytesIn)",
      "bout": "\(one.traffic.bytesOut)", "dresp": "0", "econ": "\(one.traffic.connectFailures)",
      "eresp": "\(one.traffic.responseFailures)", "wretr": "0", "wredis": "0",
      "status": Self.state(one), "weight": "\(one.weight)", "act": isSpare ? "0" : "1",
      "bck": isSpare ? "1" : "0", "chkdown": "\(one.stateChanges)",
      "lastchg": since(one.healthSince ?? status.startedAt), "pid": "1",
      "lbtot": "\(one.requests)", "type": "2",
      "rtime": average(meter.firstByte),
      "req_tot": "\(one.requests)", "addr": one.address, "mode": "http",
      "srv_icur": "\(one.idle)", "idle_conn_cur": "\(one.idle)", "used_conn_cur": "\(one.active)",
      "uweight": "\(one.configuredWeight)",
    ].merging(responses(one.traffic.responses)) { $1 }
      .merging(peaks(.server(id), active: one.active, queued: 0)) { $1 }
    if let last = one.lastResult {
      let check = HAProxyCheck(last, isGood: one.health != "down")
      fields["chkfail"] = "\(one.failures)"
      fields["check_status"] = check.status
      fields["check_code"] = check.code
      fields["check_duration"] = one.lastSeconds.map { "\(Int(max(0, min($0, 1e6)) * 1000))" }
      fields["check_desc"] = last
      fields["last_chk"] = last
    }
    return fields
  }

  /// As HAProxy names it.
  private static func state(_ one: Status.Server) -> String {
    switch one.state {
    case "drain": "DRAIN"
    case "maint": "MAINT"
    case "down": "DOWN"
    // Taken out of the choice, whatever its checks say.
    case "set aside": "NOLB"
    default: one.lastResult == nil ? "no check" : "UP"
    }
  }

  private func isSpare(_ one: Status.Server, _ backend: Status.Backend) -> Bool {
    one.tier != backend.tiers.min() ?? 0
  }

  private func responses(_ all: [String: UInt64]) -> [String: String] {
    var fields = ["hrsp_other": "\(all["none"] ?? 0)"]
    for digit in 1...5 { fields["hrsp_\(digit)xx"] = "\(all["\(digit)xx"] ?? 0)" }
    return fields
  }

  private func endings(_ meter: BackendMeter, _ isCounted: (Character) -> Bool) -> UInt64 {
    Ending.allCases.reduce(0) { sum, ending in
      "\(ending.state)".first.map(isCounted) == true ? sum &+ meter[ending] : sum
    }
  }

  private func average(_ times: Histogram) -> String {
    times.count == 0 ? "0" : "\(times.sum / times.count / 1000)"
  }

  private func since(_ time: Date) -> String {
    "\(Int(max(0, min(now.timeIntervalSince(time), 1e12))))"
  }
}

/// The last check of a server in HAProxy's words.
struct HAProxyCheck {
  let status: String
  /// Of HTTP; empty for others.
  let code: String

  /// Of "200 in 3 ms", "connected in under 1 ms", "connect: connection refused".
  init(_ result: String, isGood: Bool) {
    let first = result.prefix { $0 != " " && $0 != ":" }
    if first.count == 3, first.allSatisfy({ "0"..."9" ~= $0 }) {
      status = isGood ? "L7OK" : "L7STS"
      code = String(first)
      return
    }
    code = ""
    let lower = result.lowercased()
    let isLate = lower.contains("timed out") || lower.contains("no answer")
    if lower.contains("tls") {
      status = isGood ? "L6OK" : isLate ? "L6TOUT" : "L6RSP"
    } else if lower.hasPrefix("connect") {
      status = isGood ? "L4OK" : isLate ? "L4TOUT" : "L4CON"
    } else {
      status = isGood ? "L7OK" : isLate ? "L7TOUT" : "L7RSP"
    }
  }
}
