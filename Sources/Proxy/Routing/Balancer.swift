/// Chooses among the servers of one backend; each worker has its own, and counts what it sends.
struct Balancer {
  /// What a request wants of its server.
  struct Wish {
    var now: Int64 = 0
    /// The one that was tried last.
    var excluded: Int?
    var role: ServerRole?
    /// A replica's work may go to the primary where no replica can take it.
    var fallsBackToPrimary = false
    /// Requests of one key go to one server, where the backend hashes.
    var key: UInt64?
    /// The server that the client's cookie names.
    var stuckTo: Int?
  }

  enum Choice: Equatable {
    case server(Int)
    /// Those that could take it carry all that they may.
    case full
    case none
  }

  struct Member {
    var standing: ServerStanding
    let tier: Int
    /// Of its name, so that all workers and nodes hash alike.
    let seed: UInt64
    let slots: ServerSlots?
    /// In hundredths; less than the standing says while it starts slowly.
    var weight: Int
    /// Of the smooth round robin.
    var current = 0
    /// Exchanges under way from this worker.
    var active = 0
    var ejection = Ejection()
    var latency = Latency()
    /// When its slow start began; nil when it has its whole weight.
    var startedAt: Int64?

    var takesNew: Bool { standing.state == .ready && standing.isHealthy }
  }

  /// How one is chosen: without the payload of its setting, which would be copied for each request.
  private enum Way: UInt8 { case turns, leastBusy, quicker, lot, key }

  private let way: Way
  let measuresLatency: Bool
  /// Whether the outcome of each exchange has to be told.
  let observes: Bool
  let passive: ProxyConfiguration.Passive?
  private let slowStart: Int64
  private(set) var members: [Member]
  private var isStartingSlowly = false
  private var random: SplitMix

  init(
    _ members: [Member], balance: ProxyConfiguration.Balance = .roundRobin,
    passive: ProxyConfiguration.Passive? = nil, slowStart: Int64 = 0,
    seed: UInt64 = .random(in: .min ... .max)
  ) {
    self.members = members
    way =
      switch balance {
      case .roundRobin: .turns
      case .leastConnections: .leastBusy
      case .latency: .quicker
      case .random: .lot
      case .hash: .key
      }
    measuresLatency = balance == .latency
    observes = passive != nil || balance == .latency
    self.passive = passive
    self.slowStart = slowStart
    random = SplitMix(state: seed)
  }

  mutating func choose(_ wish: Wish) -> Choice {
    if isStartingSlowly { growWeights(at: wish.now) }
    if let stuck = wish.stuckTo, stuck != wish.excluded, members.indices.contains(stuck),
      let rank = rank(stuck, wish), rank < Rank.ejected, rank & (Rank.fallback - 1) == 0
    {
      return isFull(stuck) ? .full : .server(stuck)
    }
    var best = Int.max
    for index in members.indices where index != wish.excluded {
      if let rank = rank(index, wish), rank < best { best = rank }
    }
    guard best < Int.max else { return .none }
    let chosen: Int? =
      switch way {
      case .turns: nextInTurn(wish, best)
      case .leastBusy: leastBusy(wish, best)
      case .quicker: quickerOfTwo(wish, best)
      case .lot: drawn(wish, best)
      case .key: wish.key.map { nearest(to: $0, wish, best) } ?? nextInTurn(wish, best)
      }
    return chosen.map { .server($0) } ?? .full
  }

  // MARK: What is known of the servers

  /// Follows what the control thread says; a server that comes back begins slowly.
  mutating func stand(_ index: Int, _ standing: ServerStanding, at now: Int64) {
    let before = members[index]
    guard before.standing != standing else { return }
    members[index].standing = standing
    let isBack = members[index].takesNew && !members[index].standing.isHeldOut
    if isBack, !before.takesNew || before.standing.isHeldOut { startSlowly(index, at: now) }
    setWeight(index, at: now)
    // Old debts would make the first picks lopsided.
    for index in members.indices { members[index].current = 0 }
  }

  mutating func began(_ index: Int) { members[index].active += 1 }

  mutating func ended(_ index: Int) { members[index].active -= 1 }

  /// One that goes on from the generation before keeps what is known of it.
  mutating func carry(_ old: Member, to index: Int, at now: Int64) {
    members[index].active = old.active
    members[index].ejection = old.ejection
    members[index].latency = old.latency
    members[index].startedAt = old.startedAt
    isStartingSlowly = isStartingSlowly || old.startedAt != nil
    if !old.takesNew, members[index].takesNew { startSlowly(index, at: now) }
    setWeight(index, at: now)
  }

  /// A server that the generation before did not have.
  mutating func welcome(_ index: Int, at now: Int64) {
    startSlowly(index, at: now)
    setWeight(index, at: now)
  }

  func isEjected(_ index: Int, at now: Int64) -> Bool { members[index].ejection.until > now }

  /// When the next one that is out may be asked again; nil when none is.
  func nextReturn(after now: Int64) -> Int64? {
    members.map(\.ejection.until).filter { $0 > now }.min()
  }

  /// In milliseconds.
  func ejectedFor(_ index: Int, at now: Int64) -> Int64 {
    isEjected(index, at: now) ? members[index].ejection.until - now : 0
  }

  /// Nothing more for it until then, in milliseconds of the worker's clock.
  mutating func putOut(_ index: Int, until time: Int64, at now: Int64, reason: String) {
    members[index].ejection.putOut(until: time, reason: reason)
    members[index].current = 0
    startSlowly(index, at: max(now, time))
  }

  mutating func failed(_ index: Int, at now: Int64) {
    members[index].latency.add(Latency.ofFailure, at: now)
    if let passive { members[index].ejection.failed(passive, at: now) }
  }

  /// What this worker knows of its outcomes; nil where nobody is ejected for them.
  mutating func tally(_ index: Int, at now: Int64) -> EjectionBook.Tally? {
    passive.map { members[index].ejection.tally($0, at: now) }
  }

  /// `micros`: until the response's head; nil where nobody measures.
  mutating func succeeded(_ index: Int, at now: Int64, micros: Int64?) {
    if let micros { members[index].latency.add(Double(micros), at: now) }
    if let passive { members[index].ejection.succeeded(passive, at: now) }
  }

  // MARK: Slow start

  private mutating func startSlowly(_ index: Int, at time: Int64) {
    guard slowStart > 0 else { return }
    members[index].startedAt = time
    isStartingSlowly = true
  }

  private mutating func growWeights(at now: Int64) {
    isStartingSlowly = false
    for index in members.indices where members[index].startedAt != nil {
      setWeight(index, at: now)
    }
  }

  /// From a hundredth of its weight up to all of it, in a straight line.
  private mutating func setWeight(_ index: Int, at now: Int64) {
    let whole = members[index].standing.weight
    members[index].weight = whole
    guard let start = members[index].startedAt else { return }
    guard now - start < slowStart else {
      members[index].startedAt = nil
      return
    }
    isStartingSlowly = true
    let share = max(0, now - start) * Int64(whole) / slowStart
    members[index].weight = min(whole, max(Int(share), (whole + 99) / 100))
  }

  // MARK: Who may be chosen

  /// Who goes first: lower is better, and only equals are chosen among.
  private enum Rank {
    /// Below this, the tiers beyond the one in use.
    static let fallback = 1 << 16
    static let ejected = 1 << 20
  }

  /// Nil for one that gets nothing. One that is ejected is asked only when there is no other: a
  /// refusal by it is no worse than one by us.
  private func rank(_ index: Int, _ wish: Wish) -> Int? {
    guard members[index].takesNew, members[index].weight > 0 else { return nil }
    var rank = members[index].standing.isInUse ? 0 : 1 + members[index].tier
    if let role = wish.role, members[index].standing.role != role {
      guard wish.fallsBackToPrimary, members[index].standing.role == .primary else { return nil }
      rank += Rank.fallback
    }
    if members[index].ejection.until > wish.now || members[index].standing.isHeldOut {
      rank += Rank.ejected
    }
    return rank
  }

  func isFull(_ index: Int) -> Bool { members[index].slots?.isFull ?? false }

  private func mayTake(_ index: Int, _ wish: Wish, _ best: Int) -> Bool {
    index != wish.excluded && rank(index, wish) == best && !isFull(index)
  }
}

// MARK: - How one is chosen

extension Balancer {
  /// Smooth weighted round robin: each turn a server gains its weight, the richest is taken and pays
  /// the sum; so a, b, c of weight 5, 1, 1 come as a a b a c a a.
  private mutating func nextInTurn(_ wish: Wish, _ best: Int) -> Int? {
    var chosen: Int?
    var sum = 0
    for index in members.indices where mayTake(index, wish, best) {
      members[index].current += members[index].weight
      sum += members[index].weight
      if let known = chosen, members[known].current >= members[index].current { continue }
      chosen = index
    }
    if let chosen { members[chosen].current -= sum }
    return chosen
  }

  /// The least `(active + 1) / weight`; of equals, the next in turn.
  private mutating func leastBusy(_ wish: Wish, _ best: Int) -> Int? {
    var chosen: Int?
    for index in members.indices where mayTake(index, wish, best) {
      members[index].current += members[index].weight
      guard let known = chosen else {
        chosen = index
        continue
      }
      let mine = (members[index].active + 1) * members[known].weight
      let other = (members[known].active + 1) * members[index].weight
      if mine < other || (mine == other && members[index].current > members[known].current) {
        chosen = index
      }
    }
    if let chosen { members[chosen].current = 0 }
    return chosen
  }

  private mutating func drawn(_ wish: Wish, _ best: Int, except other: Int? = nil) -> Int? {
    var sum = 0
    for index in members.indices where index != other && mayTake(index, wish, best) {
      sum += members[index].weight
    }
    guard sum > 0 else { return nil }
    var point = Int(random.next() % UInt64(sum))
    for index in members.indices where index != other && mayTake(index, wish, best) {
      point -= members[index].weight
      if point < 0 { return index }
    }
    return nil
  }

  /// Of two drawn by weight, the one whose latency times what it has to do is less.
  private mutating func quickerOfTwo(_ wish: Wish, _ best: Int) -> Int? {
    guard let first = drawn(wish, best) else { return nil }
    guard let second = drawn(wish, best, except: first) else { return first }
    return cost(second, at: wish.now) < cost(first, at: wish.now) ? second : first
  }

  private func cost(_ index: Int, at now: Int64) -> Double {
    members[index].latency.value(at: now) * Double(members[index].active + 1)
  }

  /// Weighted rendezvous: each server draws a number from its name and the key, and the luckiest
  /// takes it; so one that goes or comes moves only its own share of the keys.
  private func nearest(to key: UInt64, _ wish: Wish, _ best: Int) -> Int? {
    var chosen: Int?
    var least = Double.infinity
    for index in members.indices where mayTake(index, wish, best) {
      let distance = Hashing.exponential(key, members[index].seed) / Double(members[index].weight)
      if distance < least {
        least = distance
        chosen = index
      }
    }
    return chosen
  }
}

// MARK: - Who could be chosen

extension Balancer {
  /// Those that the next request may go to: one alone where its key decides.
  func candidates(for wish: Wish) -> [Int] {
    guard let best = members.indices.compactMap({ rank($0, wish) }).min() else { return [] }
    if way == .key, let nearest = wish.key.flatMap({ nearest(to: $0, wish, best) }) {
      return [nearest]
    }
    return members.indices.filter { mayTake($0, wish, best) }
  }
}
