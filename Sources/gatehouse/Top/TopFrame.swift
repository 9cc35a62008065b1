import Control
import Foundation

/// One frame of `gatehouse top`: as many lines as there are rows, none longer than the screen is wide.
struct TopFrame {
  let moment: TopFeed.Moment
  let state: TopState
  let columns: Int
  let rows: Int
  let paint: Paint

  var lines: [String] {
    guard state.mode != .helped else { return Self.help.map { $0.cut(to: columns) } }
    guard let status = moment.status else { return ["no answer yet"] }
    let head = head(status)
    let tail = tail(status)
    let room = max(1, rows - head.count - tail.count - 1)
    return Array((head + table(status, room) + tail).prefix(max(1, rows)))
  }

  private func head(_ status: Status) -> [String] {
    let verdict = status.verdict
    let recent = status.traffic.recent
    let width = max(8, min(60, (columns - 36) / 2))
    let rates = moment.history.map { Double($0.requests) / max(0.001, $0.seconds) }
    let slow = moment.history.map { RecentTraffic.quantile(0.95, of: $0.latency) ?? 0 }
    let now = ServerText.milliseconds(slow.last { $0 > 0 })
    let requests = String(format: "%8.1f", rates.last ?? 0)
    return [
      paint(
        (verdict?.sentence ?? "UNKNOWN").cut(to: columns),
        verdict.map { StatusText.colour($0.severity) } ?? .yellow),
      ("gatehouse \(status.version)  generation \(status.generation)  up "
        + "\(StatusText.age(status.startedAt))  \(status.workers) workers  \(certTime(Date()))"
        + (moment.trouble.map { "  NO ANSWER: \($0)" } ?? "")).cut(to: columns),
      "req/s \(requests) \(Self.spark(rates, width))  p95 \(now.padded(8)) \(Self.spark(slow, width))"
        .cut(to: columns),
      ("last minute: p50 \(ServerText.milliseconds(recent?.p50Seconds)), "
        + "p99 \(ServerText.milliseconds(recent?.p99Seconds)), "
        + "\(ServerText.percent(recent?.errorShare ?? 0)) failed; "
        + "clients \(status.traffic.connections), \(rate(\.accepted)) new/s").cut(to: columns),
      certificates(status).cut(to: columns),
      ("firewall: refused \(status.traffic.refusedByPolicy) (\(rate(\.refusedByPolicy))/s), "
        + "banned \(status.traffic.refusedAsBanned) (\(rate(\.refusedAsBanned))/s), "
        + "forbidden \(status.traffic.requestsForbidden) (\(rate(\.requestsForbidden))/s)")
        .cut(to: columns),
      refused(status).cut(to: columns),
      DroppedText(status.firewall)?.short(4).map { $0.cut(to: columns) },
      "",
    ].compactMap(\.self)
  }

  private func refused(_ status: Status) -> String {
    let most = status.firewall.refusedMost.prefix(4).map { "\($0.address) \($0.refused)" }
    let kernel = status.firewall.kernel.map {
      "kernel: \($0.dropped) dropped, \($0.bans) bans, "
        + ($0.drift == 0 ? "no drift" : "\($0.drift) DRIFT")
    }
    return [kernel, most.isEmpty ? nil : "refused most: \(most.joined(separator: ", "))"]
      .compactMap(\.self).joined(separator: "; ")
  }

  private func rate(_ value: (Status.Traffic) -> UInt64) -> String {
    guard let now = moment.status, let before = moment.before, moment.seconds > 0 else {
      return "-"
    }
    let (new, old) = (value(now.traffic), value(before.traffic))
    return String(format: "%.1f", Double(new >= old ? new - old : new) / moment.seconds)
  }

  private func certificates(_ status: Status) -> String {
    guard let first = status.certificates.min(by: { ($0.lifeLeft ?? -1) < ($1.lifeLeft ?? -1) })
    else { return "certificates: none" }
    let bad = status.certificates.filter { $0.state != .ok }.count
    let left = first.lifeLeft.map { ", \(ServerText.percent($0)) left" } ?? ""
    return "certificates: \(status.certificates.count), \(bad) not well; first to expire: "
      + "\(first.name) \(first.notAfter.map(certTime) ?? "?")\(left)"
  }

  private func table(_ status: Status, _ room: Int) -> [String] {
    let servers = state.servers(status)
    let place = state.place(servers)
    let all = gatehouse.table(
      ["SERVER", "STATE", "WEIGHT", "ACTIVE", "REQ/S", "P95", "ERR", "LAST CHECK"],
      servers.map { one in
        let recent = one.traffic.recent
        return [
          "\(one.backend)/\(one.name)", ServerText.state(one), ServerText.weight(one),
          "\(one.active)", recent.map { String(format: "%.1f", $0.requestsPerSecond) } ?? "-",
          ServerText.milliseconds(recent?.p95Seconds),
          recent.map { ServerText.percent($0.errorShare) } ?? "-",
          AuditText.visible(ServerText.check(one)),
        ]
      }
    ).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let header = all.first else { return [] }
    // The selected one stays in sight.
    let start = max(0, min(place - room / 2, servers.count - room))
    var lines = [paint("  \(header)".cut(to: columns), .bold)]
    for index in start..<min(servers.count, start + room) {
      let mark = index == place ? "> " : "  "
      let line = "\(mark)\(all[index + 1])".cut(to: columns)
      lines.append(paint(line, index == place ? .reverse : ServerText.colour(servers[index])))
    }
    return lines
  }

  private func tail(_ status: Status) -> [String] {
    var lines = [""]
    let count = rows >= 40 ? 10 : rows >= 24 ? 4 : 0
    lines += moment.events.suffix(count).map { EventText.line($0, paint, width: columns) }
    switch state.mode {
    case .asking(let id, _):
      let text = "\(id) is the last server of \(id.backend): send it nothing all the same? (y/n)"
      lines.append(paint(text.cut(to: columns), .yellow))
    case .filtering: lines.append("filter: \(state.filter)_".cut(to: columns))
    case .looking, .helped:
      lines.append((state.message.isEmpty ? moment.answer : state.message).cut(to: columns))
    }
    let filter = state.filter.isEmpty ? "" : "  filter: \(state.filter)"
    let keys = "d drain  r ready  m maint  + - weight  / filter  s sort: \(state.order.rawValue)"
    lines.append(paint("\(keys)  ? help  q quit\(filter)".cut(to: columns), .dim))
    return lines
  }

  /// The last of them, as many as fit, from nothing to the highest.
  static func spark(_ values: [Double], _ width: Int) -> String {
    let bars: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
    let shown = values.suffix(width)
    let highest = shown.max() ?? 0
    let text = shown.map { value -> Character in
      guard highest > 0, value > 0 else { return " " }
      return bars[max(0, min(7, Int(value / highest * 7.999)))]
    }
    return String(text).padded(width)
  }

  private static let help = [
    "gatehouse top", "", "  up, k / down, j   choose a server",
    "  d   drain it: nothing new, what runs goes on", "  r   ready: it is back",
    "  m   maint: nothing new, and no checks", "  + - its weight, one more or less",
    "  /   show only servers with this text; Escape: all", "  s   sort by name, req/s, p95, errors",
    "  q   quit", "", "Changes need the role operator, are asked of the running process at once,",
    "and stay until cleared: gatehouse overrides list", "", "any key: back",
  ]
}

extension TrafficMoment {
  var requests: UInt64 { responses.reduce(0, &+) }
}

extension String {
  func padded(_ width: Int) -> String {
    count >= width ? self : self + String(repeating: " ", count: width - count)
  }
}
