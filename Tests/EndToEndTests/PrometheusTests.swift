import Foundation
import Testing

/// A true Prometheus, the alerts and the dashboard that we ship.
@Suite struct PrometheusTests {
  private static let packaging = Place.root.appendingPathComponent("packaging")

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: packaging.appendingPathComponent(path), encoding: .utf8)
  }

  /// Every expression of the dashboard, as Grafana sends it.
  private static func panels() throws -> [(title: String, expression: String)] {
    let all = try JSONSerialization.jsonObject(with: Data(text("grafana/gatehouse.json").utf8))
    let panels = (all as? [String: Any])?["panels"] as? [[String: Any]] ?? []
    return panels.flatMap { panel in
      (panel["targets"] as? [[String: Any]] ?? []).map {
        let expression = ($0["expr"] as? String ?? "")
          .replacing("$__rate_interval", with: "1m").replacing("$instance", with: ".*")
        return (panel["title"] as? String ?? "", expression)
      }
    }
  }

  @Test func `each alert fires on what it names, and not just below`() throws {
    let rules = Self.packaging.appendingPathComponent("prometheus")
    for words in [["check", "rules"], ["test", "rules"]] {
      let file = words[0] == "check" ? "gatehouse.rules.yml" : "gatehouse.rules.test.yml"
      let output = try run("promtool", words + [rules.appendingPathComponent(file).path])
      #expect(output.status == 0, "\(output.standardOutput)\(output.standardError)")
    }
    let alerts = try Self.text("prometheus/gatehouse.rules.yml")
      .matches(of: #/- alert: (\w+)/#).map { String($0.output.1) }
    let tests = try Self.text("prometheus/gatehouse.rules.test.yml")
    #expect(alerts.count > 30)
    for alert in alerts {
      #expect(tests.contains("- name: \(alert) fires\n"), "\(alert)")
      #expect(tests.contains("- name: \(alert) does not fire just below\n"), "\(alert)")
    }
  }

  @Test func `alerts and panels name only what is exported, and runbooks only commands`() throws {
    let gate = try Gate([.named("s1")])
    let exported = Families(try gate.admin("GET", "/metrics").body).names
    let rules = try Self.text("prometheus/gatehouse.rules.yml")
    let expressions =
      try Self.panels().map(\.expression) + rules.split(separator: "\n").map(String.init)
    for expression in expressions {
      for name in Families.named(in: expression) {
        #expect(exported.contains(name), "\(name) in \(expression)")
      }
    }
    let commands = rules.matches(of: #/gatehouse((?: [a-z]+)+)/#).map { String($0.output.1) }
    let runbooks = rules.split(separator: "\n").filter { $0.contains("runbook:") }
    #expect(runbooks.allSatisfy { $0.contains("gatehouse") } && runbooks.count > 30)
    for line in runbooks {
      for match in line.matches(of: #/(?:'|; )gatehouse((?: [a-z]+)*)/#) {
        let words = match.output.1.split(separator: " ").map(String.init)
        let help = try run(Place.gatehouse, words + ["--help"]).standardOutput
        #expect(help.contains("USAGE: gatehouse \(words.joined(separator: " "))"), "\(line)")
      }
    }
    #expect(!commands.isEmpty)
  }

  @Test func `a true Prometheus finds what curl has sent, and every panel something to show`()
    throws
  {
    let door = try Door()
    let prometheus = try Scraper(door)
    func value(_ expression: String) throws -> Double? {
      try prometheus.query(expression)?.first?.value
    }
    #expect(try door.gate.waits { try value("up") == 1 }, "\(prometheus.log)")
    for _ in 0..<20 { _ = try door.gate.curl() }
    let sent = #"gatehouse_requests_total{route="*/**",backend="web",code="2xx"}"#
    #expect(try door.gate.waits { try value(sent) == 20 })
    #expect(try door.gate.waits { try value("rate(\(sent)[1m])") ?? 0 > 0 })
    let quantile =
      "histogram_quantile(0.5, sum by (le) (rate(gatehouse_request_duration_seconds_bucket[1m])))"
    #expect(try door.gate.waits { (0.00001..<10).contains(try value(quantile) ?? 0) })
    #expect(try value("sum(gatehouse_backend_server_requests_total)") == 20)
    let down = #"ALERTS{alertname="GatehouseDown"}"#
    #expect(try prometheus.query(down)?.isEmpty == true)
    for (title, expression) in try Self.panels() {
      #expect(try prometheus.query(expression) != nil, "\(title): \(expression)")
      // What is drawn where there is nothing else to draw is behind `or`, or a query of its own.
      let asked = expression.components(separatedBy: " or on () ")[0]
      // There is neither a firewall, nor a database, nor a certificate of an authority here; no
      // server is checked, and nothing fails.
      let needsMore = [
        "gatehouse_fw_", "gatehouse_bans", "gatehouse_policy_", "gatehouse_db_", "renewal",
        "conntrack", "check", "failures", "ALERTS", "state!=\"--\"",
      ]
      guard !asked.hasPrefix("0 * max("), !needsMore.contains(where: { asked.contains($0) })
      else { continue }
      #expect(try prometheus.query(asked)?.isEmpty == false, "\(title): \(asked)")
    }
  }

  @Test func `the dashboard is as Grafana 7_5 writes it, which newer ones read as well`() throws {
    let all = try JSONSerialization.jsonObject(with: Data(Self.text("grafana/gatehouse.json").utf8))
    let dashboard = all as? [String: Any] ?? [:]
    #expect(dashboard["schemaVersion"] as? Int == 27)
    let panels = dashboard["panels"] as? [[String: Any]] ?? []
    #expect(Set(panels.compactMap { $0["id"] as? Int }).count == panels.count)
    let drawn = panels.filter { $0["type"] as? String != "row" }
    #expect(drawn.count > 30)
    for panel in drawn {
      let title = panel["title"] as? String ?? ""
      // An object came with Grafana 8.3; where one stands, those before it draw nothing.
      #expect(panel["datasource"] as? String == "${datasource}", "\(title)")
      #expect((panel["description"] as? String)?.isEmpty == false, "\(title)")
      let targets = panel["targets"] as? [[String: Any]] ?? []
      #expect(!targets.isEmpty && targets.allSatisfy { $0["datasource"] == nil }, "\(title)")
    }
    let templating = dashboard["templating"] as? [String: Any]
    let variables = templating?["list"] as? [[String: Any]] ?? []
    #expect(variables.compactMap { $0["query"] as? String }.count == 2)
    // "All" are the gates alone: other programs export process_ metrics, too.
    #expect(variables.allSatisfy { $0["allValue"] as? String == nil })
  }

  @Test func `without its token it gets nothing`() throws {
    let door = try Door(roles: ["admin"])
    let prometheus = try Scraper(door, as: "viewer")
    #expect(try door.gate.waits { try prometheus.query("up")?.first?.value == 0 })
  }
}
