import Testing

@testable import Control
@testable import Proxy

@Suite struct MetricTextTests {
  @Test func `labels are escaped, and nothing in them ends a line`() {
    var text = MetricText(.prometheus)
    text.family("a_total", .counter, "Help.") { [([("x", "a\\b\"c\nd\u{e9}")], 1)] }
    #expect(
      text.text
        == "# HELP a_total Help.\n# TYPE a_total counter\na_total{x=\"a\\\\b\\\"c\\nd\u{e9}\"} 1\n")
  }

  @Test func `OpenMetrics leaves endings out of what it says of a family, and ends with EOF`() {
    var text = MetricText(.openMetrics)
    text.family("a_bytes_total", .counter, "Help.", value: 2.5)
    text.family("b_info", .info, "Help.") { [([("v", "1")], 1)] }
    text.end()
    #expect(
      text.text == """
        # HELP a_bytes Help.
        # TYPE a_bytes counter
        # UNIT a_bytes bytes
        a_bytes_total 2.5
        # HELP b Help.
        # TYPE b info
        b_info{v="1"} 1
        # EOF

        """)
  }

  @Test func `a histogram's buckets count those below, too`() {
    var histogram = Histogram()
    for micros: Int64 in [100, 250, 251, 900_000, 60_000_000] { histogram.add(micros) }
    var text = MetricText(.prometheus)
    text.histograms("h_seconds", "Help.", [([("a", "b")], histogram)])
    let lines = text.text.split(separator: "\n")
    #expect(lines.count == 2 + 17 + 2)
    #expect(lines.contains(#"h_seconds_bucket{a="b",le="0.00025"} 2"#))
    #expect(lines.contains(#"h_seconds_bucket{a="b",le="0.0005"} 3"#))
    #expect(lines.contains(#"h_seconds_bucket{a="b",le="1.0"} 4"#))
    #expect(lines.contains(#"h_seconds_bucket{a="b",le="30.0"} 4"#))
    #expect(lines.contains(#"h_seconds_bucket{a="b",le="+Inf"} 5"#))
    #expect(lines.contains(#"h_seconds_count{a="b"} 5"#))
    #expect(lines.contains(#"h_seconds_sum{a="b"} 60.900601"#))
  }

  @Test(arguments: [
    ([], false), (["text/plain"], false), (["*/*"], false),
    (["application/openmetrics-text;version=1.0.0,text/plain;q=0.5"], true),
    (["text/plain", "Application/OpenMetrics-Text"], true),
  ])
  func `OpenMetrics goes to those who ask for it`(_ accept: [String], _ asks: Bool) {
    #expect((MetricText.Format(accepting: accept) == .openMetrics) == asks)
  }

  @Test(arguments: [
    ("r_ban", false, "main", "ban", "drop"),
    ("r_management", false, "main", "management", "accept"),
    ("r_web_allow", false, "svc_web", "allow", "accept"),
    ("r_my_web_default", true, "svc_my_web", "default", "would_drop"),
    ("r_web_overflow", false, "svc_web", "overflow", "continue"), ("x", false, "main", "x", "drop"),
    ("", false, "main", "", "drop"), ("r_", false, "main", "", "drop"),
  ])
  func `a counter of the kernel says chain, rule and verdict`(
    _ counter: String, _ isAudit: Bool, _ chain: String, _ rule: String, _ verdict: String
  ) {
    #expect(Metrics.labels(counter, isAudit).map(\.1) == [chain, rule, verdict])
  }

  @Test func `what the kernel says of a process is read by its numbers`() {
    let stat = "1 (a) b (c)) S" + (4...30).map { " \($0)" }.joined()
    let facts = ProcessFacts(stat: stat)
    #expect(facts.virtualBytes == 23 && (facts.residentBytes ?? 0) >= 24 * 4096)
    #expect(facts.cpuSeconds ?? 0 > 0)
    for damaged in ["", "1 (a", "1 (a)", "1 (a) S x y"] {
      #expect(ProcessFacts(stat: damaged).cpuSeconds == nil)
    }
    #expect(MachineFacts.overflows(netstat: "TcpExt: A ListenOverflows B\nTcpExt: 1 2 3\n") == 2)
    for damaged in ["", "TcpExt: ListenOverflows", "TcpExt: A ListenOverflows\nTcpExt: 1\n"] {
      #expect(MachineFacts.overflows(netstat: damaged) == nil)
    }
  }

  @Test func `facts of any size fit into the agent's answer`() throws {
    var facts = FirewallFacts()
    facts.counters = (0..<5000).map { .init(name: "r_service\($0)_deny", packets: .max, bytes: 1) }
    facts.sets = (0..<5000).map { .init(name: "allow_service\($0)", count: .max) }
    let answer = AgentMessage.encode(facts)
    #expect(answer.count <= AgentMessage.factsByteLimit && answer.first == 0)
    #expect(AgentMessage.encode(FirewallFacts()).count > 20)
  }
}
