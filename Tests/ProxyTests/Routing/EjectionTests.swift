import Testing

@testable import Proxy

/// Passive health: who fails under his clients' eyes gets nothing for a growing time, from any worker.
@Suite struct EjectionTests {
  private static func rule(_ change: (inout ProxyConfiguration.Passive) -> Void = { _ in })
    -> ProxyConfiguration.Passive
  {
    var rule = ProxyConfiguration.Passive()
    change(&rule)
    return rule
  }

  /// Workers with a balancer each, whose questions are answered at once but for those of the silent.
  private struct Gate {
    var balancers: [Balancer]
    var book = EjectionBook()
    let rule: ProxyConfiguration.Passive
    let servers: Int
    var silent: Set<Int> = []
    private(set) var questions = 0

    init(workers: Int = 1, servers: Int = 2, _ rule: ProxyConfiguration.Passive) {
      balancers = (0..<workers).map { _ in
        BalancerTests.balancer(.init(repeating: 1, count: servers), passive: rule)
      }
      self.rule = rule
      self.servers = servers
    }

    private var terms: EjectionBook.Terms {
      .init(rule: rule, servers: servers, workers: balancers.count)
    }

    private static func key(_ server: Int) -> EjectionBook.Key {
      .init(server: "s\(server)", address: .ipv4(1, port: UInt16(server)))
    }

    /// For how long the server is out by this failure; nil when it is not.
    mutating func failed(
      _ server: Int = 0, worker: Int = 0, at now: Int64, _ reason: String = "status 500"
    ) -> Int64? {
      balancers[worker].failed(server, at: now)
      let tally = balancers[worker].tally(server, at: now) ?? .init()
      let inRow = balancers[worker].members[server].ejection.inRow
      let step = book.failed(Self.key(server), tally, inRow: inRow, reason: reason, terms, at: now)
      return follow(step, server, worker, at: now)
    }

    mutating func succeeded(_ server: Int = 0, worker: Int = 0, at now: Int64) {
      balancers[worker].succeeded(server, at: now, micros: nil)
    }

    private mutating func follow(
      _ step: EjectionBook.Step, _ server: Int, _ worker: Int, at now: Int64
    ) -> Int64? {
      switch step {
      case .none: return nil
      case .eject(let span, let reason):
        for index in balancers.indices {
          balancers[index].putOut(server, until: now + span, at: now, reason: reason)
        }
        return span
      case .ask(let number):
        questions += 1
        for other in balancers.indices where other != worker && !silent.contains(other) {
          let tally = balancers[other].tally(server, at: now) ?? .init()
          let next = book.answered(Self.key(server), number, tally, terms, at: now)
          if let span = follow(next, server, other, at: now) { return span }
        }
        return nil
      }
    }
  }

  @Test(arguments: [1, 8])
  func `failures in a row eject, for longer each time, up to the longest`(_ workers: Int) {
    var gate = Gate(workers: workers, Self.rule { $0.longest = .seconds(25) })
    var now: Int64 = 0
    var spans: [Int64] = []
    for _ in 0..<4 {
      var span: Int64?
      for number in 0..<5 {
        #expect(span == nil)
        span = gate.failed(worker: number % workers, at: now)
        now += 1
      }
      let end = now - 1 + (span ?? 0)
      spans.append(span ?? 0)
      for balancer in gate.balancers {
        #expect(balancer.isEjected(0, at: end - 1) && !balancer.isEjected(0, at: end))
        #expect(balancer.members[0].ejection.reason == "5 failures in a row: status 500")
      }
      now = end
    }
    #expect(spans == [10_000, 20_000, 25_000, 25_000])
    // It does well for as long as it was out: then all is forgiven.
    now += 25_000
    var span: Int64?
    for _ in 0..<5 { span = gate.failed(at: now) }
    #expect(span == 10_000)
  }

  @Test func `an answer in between ends a row`() {
    var gate = Gate(Self.rule { $0.errorShare = 0 })
    for _ in 0..<20 {
      for _ in 0..<4 { #expect(gate.failed(at: 0) == nil) }
      gate.succeeded(at: 0)
    }
  }

  @Test func `an answer that another worker saw ends a row, too`() {
    var gate = Gate(workers: 4, Self.rule { $0.errorShare = 0 })
    for round in 0..<200 {
      let now = Int64(round) * 100
      for number in 0..<4 {
        #expect(gate.failed(worker: number % 3, at: now + Int64(number)) == nil)
      }
      gate.succeeded(worker: 3, at: now + 50)
    }
    // The answer came before the last of these.
    for number in 0..<4 { #expect(gate.failed(at: 100_000 + Int64(number)) == nil) }
    gate.succeeded(worker: 3, at: 100_010)
    for number in 0..<4 { #expect(gate.failed(at: 100_020 + Int64(number)) == nil) }
    #expect(gate.failed(at: 100_050) == 10_000)
  }

  @Test func `who fails often, but not too often, is not asked about each time`() {
    var gate = Gate(workers: 4, Self.rule { $0.errorShare = 30 })
    for number in 0..<4000 {
      let now = Int64(number) / 4
      if number % 4 == 0 {
        #expect(gate.failed(worker: number / 4 % 4, at: now) == nil)
      } else {
        gate.succeeded(worker: number % 4, at: now)
      }
    }
    #expect(gate.questions <= 1000 / Int(EjectionBook.questionGap) + 1)
  }

  @Test func `a worker that is silent for a second has no word`() {
    var gate = Gate(workers: 3, Self.rule())
    gate.silent = [1]
    for number in 0..<20 { #expect(gate.failed(at: Int64(number)) == nil) }
    #expect(gate.questions == 1)
    #expect(gate.failed(at: 999) == nil)
    #expect(gate.failed(at: 1004) == 10_000)
    // Its late answer is to nothing.
    let late = gate.book.answered(
      .init(server: "s0", address: .ipv4(1, port: 0)), 1, .init(lastSuccess: 1004),
      .init(rule: gate.rule, servers: 2, workers: 3), at: 1005)
    #expect(late == EjectionBook.Step.none)
  }

  @Test(arguments: [1, 4])
  func `a share of failures ejects, once there were enough requests within the window`(
    _ workers: Int
  ) {
    var gate = Gate(workers: workers, Self.rule { $0.failures = 1000 })
    for index in 0..<9 {
      #expect(gate.failed(worker: index % workers, at: 0) == nil, "\(index)")
      gate.succeeded(worker: index * 3 % workers, at: 0)
    }
    gate.succeeded(at: 0)
    #expect(gate.failed(at: 100, "status 502") == 10_000)
    #expect(
      gate.balancers[0].members[0].ejection.reason == "10 of 20 requests failed: status 502")
    var slow = Gate(workers: workers, Self.rule { $0.failures = 1000 })
    for index in 0..<100 {
      #expect(slow.failed(worker: index % workers, at: Int64(index) * 1000) == nil)
    }
  }

  @Test(
    arguments: [(2, 50, 1), (3, 50, 1), (4, 50, 2), (1, 50, 0), (3, 100, 3), (10, 30, 3)],
    [1, 4])
  func `never more than the configured share is out, over all workers`(
    _ terms: (servers: Int, atMost: Int, expected: Int), _ workers: Int
  ) {
    var gate = Gate(
      workers: workers, servers: terms.servers, Self.rule { $0.atMost = terms.atMost })
    for round in 0..<50 {
      for index in 0..<terms.servers {
        _ = gate.failed(index, worker: (index + round) % workers, at: Int64(round) * 30)
      }
    }
    for balancer in gate.balancers {
      #expect(
        (0..<terms.servers).count { balancer.isEjected($0, at: 1501) } == terms.expected)
    }
  }

  @Test func `one that is out of reach is news once, and another address is another server`() {
    var book = EjectionBook()
    let key = EjectionBook.Key(server: "s", address: .ipv4(1, port: 1))
    let moved = EjectionBook.Key(server: "s", address: .ipv4(1, port: 2))
    func ends(_ key: EjectionBook.Key, _ until: Int64, _ now: Int64) -> String {
      let (end, isNews) = book.setAside(key, until: until, at: now)
      return "\(end) \(isNews)"
    }
    #expect(ends(key, 100, 0) == "100 true")
    #expect(ends(key, 150, 50) == "100 false")
    #expect(ends(moved, 150, 50) == "150 true")
    #expect(ends(key, 200, 100) == "200 true")
    book.keep(only: [key])
    #expect(book.isOut(key, at: 110) && !book.isOut(moved, at: 110))
  }
}
