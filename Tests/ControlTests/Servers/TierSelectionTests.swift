import Testing

@testable import Control
@testable import Proxy

@Suite struct TierSelectionTests {
  typealias Member = TierSelection.Member

  /// `0:+2 0:-1 1:+1`: tier, usable or not, weight.
  private static func members(_ text: String) -> [Member] {
    text.split(separator: " ").compactMap { word in
      let parts = word.split(separator: ":")
      guard parts.count == 2, let tier = Int(parts[0]), let weight = Int(parts[1].dropFirst())
      else { return nil }
      return Member(tier: tier, weight: weight * 100, isUsable: parts[1].hasPrefix("+"))
    }
  }

  private static func terms(
    below: Int = 1, holdDown: Int = 10, _ failback: ProxyConfiguration.Tiers.Failback = .auto
  ) -> ProxyConfiguration.Tiers {
    var terms = ProxyConfiguration.Tiers()
    terms.below = below
    terms.holdDown = .seconds(holdDown)
    terms.failback = failback
    return terms
  }

  struct Start: CustomTestStringConvertible {
    var members: String
    var below = 1
    var tier: Int
    var testDescription: String { "\(members), below \(below) -> \(tier)" }
  }

  @Test(arguments: [
    Start(members: "0:+1 1:+1", tier: 0),
    Start(members: "0:-1 1:+1", tier: 1),
    Start(members: "0:-1 1:-1 2:+1", tier: 2),
    Start(members: "0:-1 1:-1", tier: 0),
    Start(members: "1:+1 2:+1", tier: 1),
    Start(members: "0:+1 0:-1 1:+1", below: 50, tier: 0),
    Start(members: "0:+1 0:-1 1:+1", below: 51, tier: 1),
    Start(members: "0:+1 0:-3 1:+1", below: 25, tier: 0),
    Start(members: "0:+1 0:-3 1:+1", below: 26, tier: 1),
    // None has enough: the lowest with anything healthy.
    Start(members: "0:+1 0:-3 1:+1 1:-9", below: 90, tier: 0),
    Start(members: "0:-1 1:+1 1:-9", below: 90, tier: 1),
    Start(members: "0:+0 1:+1", tier: 1),
    Start(members: "", tier: 0),
  ]) func `begins with the lowest tier that has enough`(_ start: Start) {
    let selection = TierSelection(
      Self.members(start.members), Self.terms(below: start.below), at: 0)
    #expect(selection.inUse == start.tier)
  }

  struct Story: CustomTestStringConvertible {
    var name: String
    var terms: ProxyConfiguration.Tiers
    /// Second, servers, and the tier in use then.
    var steps: [(second: Int64, members: String, tier: Int)]
    var testDescription: String { name }
  }

  private static let up = "0:+1 1:+1"
  private static let down = "0:-1 1:+1"
  private static let half = "0:+1 0:-1 1:+1"

  @Test(arguments: [
    Story(
      name: "a dead tier is left at once, whatever the hold-down",
      terms: terms(), steps: [(0, up, 0), (1, down, 1), (12, up, 0), (13, down, 1)]),
    Story(
      name: "back only once the hold-down is over",
      terms: terms(), steps: [(0, up, 0), (5, down, 1), (6, up, 1), (14, up, 1), (15, up, 0)]),
    Story(
      name: "too small a share is left, but not within the hold-down",
      terms: terms(below: 80),
      steps: [(0, "0:+1 0:+1 1:+1", 0), (1, half, 1), (2, up, 1), (11, up, 0), (12, half, 0)]),
    Story(
      name: "manual stays", terms: terms(.manual),
      steps: [(0, up, 0), (1, down, 1), (100, up, 1), (100_000, up, 1)]),
    Story(
      name: "manual still leaves a dead standby at once", terms: terms(.manual),
      steps: [(0, up, 0), (1, down, 1), (2, "0:+1 1:-1", 0)]),
    Story(
      name: "after: only as long without a break", terms: terms(holdDown: 1, .after(.seconds(60))),
      steps: [
        (0, up, 0), (1, down, 1), (10, up, 1), (69, up, 1), (69, down, 1), (70, up, 1),
        (129, up, 1), (130, up, 0),
      ]),
    Story(
      name: "nothing healthy anywhere changes nothing", terms: terms(),
      steps: [(0, up, 0), (1, "0:-1 1:-1", 0), (2, down, 1), (3, "0:-1 1:-1", 1)]),
    Story(
      name: "a tier whose servers are gone is left", terms: terms(.manual),
      steps: [(0, up, 0), (1, down, 1), (2, "0:-1", 0)]),
    Story(
      name: "three tiers, down and back", terms: terms(holdDown: 0),
      steps: [
        (0, "0:+1 1:+1 2:+1", 0), (1, "0:-1 1:-1 2:+1", 2), (2, "0:-1 1:+1 2:+1", 1),
        (3, "0:+1 1:+1 2:+1", 0),
      ]),
  ]) func `follows its servers over time`(_ story: Story) throws {
    let first = try #require(story.steps.first)
    var selection = TierSelection(
      Self.members(first.members), story.terms, at: first.second * 1000)
    for step in story.steps {
      let before = selection.inUse
      let change = selection.update(Self.members(step.members), story.terms, at: step.second * 1000)
      #expect(selection.inUse == step.tier, "at \(step.second) s")
      #expect((change != nil) == (before != step.tier), "at \(step.second) s")
      #expect(change.map { $0.isBack == (step.tier < before) } ?? true)
    }
  }

  @Test func `goes back when asked, hold-down or not, but only to what is healthy`() {
    let terms = Self.terms(.manual)
    var selection = TierSelection(Self.members(Self.up), terms, at: 0)
    _ = selection.update(Self.members(Self.down), terms, at: 1000)
    #expect(selection.inUse == 1)
    let refused = selection.update(
      Self.members(Self.down), terms, at: 2000, isBackAskedFor: true)
    #expect(refused == nil && selection.inUse == 1)
    let change = selection.update(Self.members(Self.up), terms, at: 3000, isBackAskedFor: true)
    #expect(change == .init(from: 1, to: 0, isBack: true))
    // It was asked for once, not for ever.
    _ = selection.update(Self.members(Self.down), terms, at: 4000)
    let later = selection.update(Self.members(Self.up), terms, at: 900_000)
    #expect(later == nil)
  }

  @Test(arguments: [
    (ProxyConfiguration.Tiers.Failback.manual, "0:+1 1:+1", 1),
    (.after(.seconds(60)), "0:+1 1:+1", 1), (.auto, "0:+1 1:+1", 0), (.manual, "0:+1 1:-1", 0),
    (.manual, "0:+1", 0),
  ])
  func `a start goes on with the tier that was in use, where only somebody gives it back`(
    _ failback: ProxyConfiguration.Tiers.Failback, _ members: String, _ tier: Int
  ) {
    let selection = TierSelection(
      Self.members(members), Self.terms(failback), at: 0, resuming: 1)
    #expect(selection.inUse == tier)
  }
}
