import Testing

@testable import Proxy

@Suite struct TimersTests {
  private static func token(_ number: Int) -> Token {
    Token(.client, SlotID(index: UInt32(number), generation: 1))
  }

  @Test func `nothing is due before its time`() {
    var timers = Timers()
    #expect(timers.wait(from: 0) == nil)
    #expect(timers.popDue(at: .max) == nil)
    timers.add(Self.token(1), at: 100)
    timers.add(Self.token(2), at: 50)
    #expect(timers.wait(from: 0) == 50)
    #expect(timers.popDue(at: 49) == nil)
    #expect(timers.wait(from: 49) == 1)
    #expect(timers.popDue(at: 50)?.token == Self.token(2))
    #expect(timers.popDue(at: 50) == nil)
    #expect(timers.wait(from: 200) == 0)
    #expect(timers.popDue(at: 200)?.time == 100)
    #expect(timers.wait(from: 200) == nil)
  }

  @Test func `entries come in the order of their times, each once`() {
    var random = SeededGenerator(state: 12)
    var timers = Timers()
    var waiting: [Int: Int64] = [:]
    var now: Int64 = 0
    var added = 0
    while added < 5000 || !waiting.isEmpty {
      for _ in 0..<Int.random(in: 0...3, using: &random) where added < 5000 {
        let time = now + Int64.random(in: 0...200, using: &random)
        timers.add(Self.token(added), at: time)
        waiting[added] = time
        added += 1
      }
      now += Int64.random(in: 0...4, using: &random)
      var last = Int64.min
      while let entry = timers.popDue(at: now) {
        #expect(entry.time >= last && entry.time <= now)
        #expect(waiting.removeValue(forKey: Int(entry.token.id.index)) == entry.time)
        last = entry.time
      }
      #expect(waiting.values.min().map { max(0, $0 - now) } == timers.wait(from: now))
    }
  }

  private static let durations: [(Duration, Int64)] = [
    (.seconds(10), 10_000), (.milliseconds(1), 1), (.zero, 1), (.microseconds(1), 1),
    (.seconds(-5), 1), (.milliseconds(1500), 1500), (.seconds(31_536_000), 31_536_000_000),
    (.seconds(Int64.max / 2), 31_536_000_000),
  ]

  @Test(arguments: durations)
  func `a timeout is at least a millisecond and at most a year`(
    _ duration: Duration, _ milliseconds: Int64
  ) {
    #expect(duration.milliseconds == milliseconds)
  }
}
