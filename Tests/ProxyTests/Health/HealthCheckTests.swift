import Testing

@testable import Proxy

struct HealthCheckTests {
  private static func settings() -> ProxyConfiguration.Health {
    var settings = ProxyConfiguration.Health()
    settings.check = .tcp
    return settings
  }

  private static func result(_ isGood: Bool) -> ProbeResult {
    ProbeResult(isGood: isGood, text: isGood ? "good" : "bad", took: .zero)
  }

  /// `+` is a good result, `-` a bad one; the verdict after each as `U` or `D`.
  @Test(arguments: [
    ("+", "U"), ("-", "D"),
    ("+--+--+", "UUUUUUU"), ("+---", "UUUD"), ("+---+-+-++", "UUUDDDDDDU"),
    ("-++---", "DDUUUD"), ("-+-++", "DDDDU"),
  ])
  func `the first result decides, then rise and fall do`(_ results: String, _ verdicts: String) {
    var check = HealthCheck(Self.settings())
    var seen = ""
    for (index, sign) in results.enumerated() {
      _ = check.note(Self.result(sign == "+"), at: Int64(index) * 1000, unix: Int64(index))
      seen += check.report.verdict == .up ? "U" : "D"
    }
    #expect(seen == verdicts)
    #expect(check.report.checks == UInt64(results.count))
    #expect(check.report.failures == UInt64(results.count { $0 == "-" }))
  }

  @Test(arguments: [1, 2, 3, 4, 6, 7, 20], [1, 2])
  func `a server that comes and goes every second changes no more often than allowed`(
    _ limit: Int, _ rise: Int
  ) {
    var settings = Self.settings()
    settings.changesPerMinute = limit
    settings.rise = rise
    settings.fall = rise
    var check = HealthCheck(settings)
    var changes: [Int64] = []
    for tick: Int64 in 0..<1200 {
      let now = tick * 250
      let isGood = now / 1000 % 2 == 0
      if check.note(Self.result(isGood), at: now, unix: now / 1000) == .verdict, tick > 0 {
        changes.append(now)
      }
    }
    let busiest = changes.map { start in changes.count { $0 >= start && $0 < start + 60_000 } }
    #expect((busiest.max() ?? 0) <= limit)
    #expect(!changes.isEmpty)
    #expect(check.report.changes == UInt64(changes.count))
  }

  @Test func `a server that was held down comes back when the minute is over`() {
    var settings = Self.settings()
    settings.changesPerMinute = 2
    settings.fall = 1
    var check = HealthCheck(settings)
    _ = check.note(Self.result(true), at: 0, unix: 100)
    _ = check.note(Self.result(false), at: 1000, unix: 101)
    #expect(check.report.isHeldUntil == 161)
    for time: Int64 in stride(from: 2000, to: 61_000, by: 1000) {
      #expect(check.note(Self.result(true), at: time, unix: 100 + time / 1000) == .none)
    }
    #expect(check.note(Self.result(true), at: 61_000, unix: 161) == .verdict)
    #expect(check.report.verdict == .up && check.report.isHeldUntil == nil)
  }

  @Test func `without a limit a server changes as often as it does`() {
    var settings = Self.settings()
    settings.changesPerMinute = 0
    (settings.rise, settings.fall) = (1, 1)
    var check = HealthCheck(settings)
    for time: Int64 in 0..<50 { _ = check.note(Self.result(time % 2 == 0), at: time, unix: 0) }
    #expect(check.report.changes == 49)
  }

  @Test func `checks are closer while the results contradict the verdict`() {
    var check = HealthCheck(Self.settings())
    _ = check.note(Self.result(true), at: 0, unix: 0)
    #expect(check.pause(draw: 0.5) == 2000)
    #expect(check.pause(draw: 0) == 1800)
    #expect((2199...2200).contains(check.pause(draw: 0.999999)))
    _ = check.note(Self.result(false), at: 0, unix: 0)
    #expect(check.pause(draw: 0.5) == 500)
    _ = check.note(Self.result(true), at: 0, unix: 0)
    #expect(check.pause(draw: 0.5) == 2000)
  }

  @Test func `what an agent asks for is a change of its own`() throws {
    var check = HealthCheck(Self.settings())
    var result = Self.result(true)
    result.agent = try #require(AgentAnswer(Array("75% drain".utf8).span))
    #expect(check.note(result, at: 0, unix: 0) == .verdict)
    #expect(check.report.agentPercent == 75 && check.report.agentState == .drain)
    #expect(check.note(result, at: 0, unix: 0) == .none)
    result.agent = try #require(AgentAnswer(Array("ready".utf8).span))
    #expect(check.note(result, at: 0, unix: 0) == .agent)
    #expect(check.report.agentPercent == 75 && check.report.agentState == .ready)
  }
}
