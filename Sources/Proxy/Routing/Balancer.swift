/// Smooth weighted round robin: each turn a server gains its weight, the richest is taken and pays
/// the sum; so a, b, c of weight 5, 1, 1 come as a a b a c a a.
struct Balancer {
  private struct Member {
    var weight: Int
    var current = 0
    /// In milliseconds of the worker's clock.
    var setAsideUntil = Int64.min
  }

  private var members: [Member]

  init(weights: [Int]) { members = weights.map { Member(weight: $0) } }

  /// The next server; when all are set aside, they are asked all the same, for a refusal by all is
  /// no worse than one by us. Nil when there is none but the excluded, or none with a weight.
  mutating func next(now: Int64, excluding excluded: Int?) -> Int? {
    take(excluding: excluded) { $0.setAsideUntil <= now } ?? take(excluding: excluded) { _ in true }
  }

  func weight(_ index: Int) -> Int { members[index].weight }

  mutating func setWeight(_ index: Int, weight: Int) {
    members[index].weight = weight
    // Old debts would make the first picks lopsided.
    for index in members.indices { members[index].current = 0 }
  }

  func isSetAside(_ index: Int, now: Int64) -> Bool { members[index].setAsideUntil > now }

  mutating func setAside(_ index: Int, until time: Int64) {
    members[index].setAsideUntil = time
    members[index].current = 0
  }

  private mutating func take(
    excluding excluded: Int?, where isUsable: (Member) -> Bool
  ) -> Int? {
    var best: Int?
    var sum = 0
    for index in members.indices
    where members[index].weight > 0 && index != excluded && isUsable(members[index]) {
      members[index].current += members[index].weight
      sum += members[index].weight
      if let known = best, members[known].current >= members[index].current { continue }
      best = index
    }
    if let best { members[best].current -= sum }
    return best
  }
}
