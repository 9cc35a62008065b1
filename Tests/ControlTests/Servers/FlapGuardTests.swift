import Testing

@testable import Control

@Suite struct FlapGuardTests {
  /// How often it changed in any minute, and when it was held.
  private static func play(
    _ limit: Int, every step: Int64, _ conditions: [FlapGuard.Condition], steps: Int = 600
  ) -> (most: Int, holds: Int) {
    var flap = FlapGuard()
    var changes: [Int64] = []
    var last: FlapGuard.Condition?
    var holds = 0
    for number in 0..<steps {
      let now = Int64(number) * step
      let condition = conditions[number % conditions.count]
      if case .held = flap.note(condition, limit: limit, at: now) { holds += 1 }
      let shown = flap.hold?.condition ?? condition
      if let last, shown != last { changes.append(now) }
      last = shown
    }
    let most = changes.map { end in changes.count { (end - 59_999...end).contains($0) } }.max()
    return (most ?? 0, holds)
  }

  @Test(
    arguments: [2, 3, 4, 6, 7, 20],
    [
      [FlapGuard.Condition.well, .down], [.well, .setAside, .down],
      [.well, .setAside, .down, .setAside],
      [.setAside, .well, .well, .down],
    ])
  func `in no minute it changes more often than it may`(
    _ limit: Int, _ conditions: [FlapGuard.Condition]
  ) {
    for step: Int64 in [250, 1000, 3000, 30_000] {
      let (most, holds) = Self.play(limit, every: step, conditions)
      #expect(most <= limit, "\(step)")
      #expect(step > 1000 || holds > 0)
    }
  }

  @Test func `without a limit nobody is held, and rare changes hold nobody`() {
    #expect(Self.play(0, every: 250, [.well, .down]).holds == 0)
    #expect(Self.play(6, every: 15_000, [.well, .down]).holds == 0)
  }

  @Test func `it is released after a minute, as what it is then`() {
    var flap = FlapGuard()
    #expect(flap.note(.well, limit: 2, at: 0) == FlapGuard.Change.none)
    let hold = FlapGuard.Hold(condition: .down, until: 61_000, changes: 1)
    #expect(flap.note(.down, limit: 2, at: 1000) == .held(hold))
    #expect(flap.note(.well, limit: 2, at: 60_999) == FlapGuard.Change.none)
    #expect(flap.hold == hold)
    #expect(flap.note(.well, limit: 2, at: 61_000) == .released)
    #expect(flap.hold == nil)
  }
}
