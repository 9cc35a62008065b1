/// How the kernel gets from the table that it holds to a ruleset.
///
/// Sets whose elements change little are changed in place; one that changes much, or cannot stay as
/// it was made, is built anew beside the old one under its other name, and the rules go over to it.
struct ApplyPlan {
  /// By name in the ruleset, the name in the kernel.
  var names: [String: String] = [:]
  var fresh: [NamedSet] = []
  var changed: [(set: NamedSet, delta: SetDelta)] = []

  /// A change of more than this share is a set of its own.
  private static let largestShare = 0.2
  /// Of small sets everything may change in place.
  private static let alwaysInPlace = 64
  static let otherName = "-b"

  /// `built`: sets made for this ruleset by a batch before. Nil when the table changed meanwhile.
  init?(
    from table: KernelTable, to ruleset: Ruleset, built: [String: String],
    on socket: borrowing NetlinkSocket
  ) throws(FirewallKernelError) {
    for set in ruleset.sets {
      let candidates = [set.name, set.name + Self.otherName]
      if let name = built[set.name], table.sets[name] == KernelTable.Shape(set) {
        names[set.name] = name
        continue
      }
      let known = candidates.first { table.sets[$0] == KernelTable.Shape(set) }
      if let known, try keep(set, as: known, socket) { continue }
      if known != nil, isOutrun { return nil }
      // Both names are taken only by what appeared meanwhile.
      guard let free = candidates.first(where: { table.sets[$0] == nil }) else { return nil }
      names[set.name] = free
      fresh.append(set)
    }
  }

  private var isOutrun = false

  /// False when the set should rather be made anew.
  private mutating func keep(
    _ set: NamedSet, as name: String, _ socket: borrowing NetlinkSocket
  ) throws(FirewallKernelError) -> Bool {
    guard set.isFilledByPolicy else {
      names[set.name] = name
      return true
    }
    let held = try KernelTable.elements(of: name, KernelTable.Shape(set), socket)
    guard let held else {
      isOutrun = true
      return false
    }
    // Somebody put a verdict in that leads to no chain: what can't be spelled can't be taken out.
    guard !set.isMap || held.allSatisfy({ $0.chain != nil }) else { return false }
    let delta = SetDelta(from: held, to: set.elements)
    // What has ended leaves marks behind in its set, which others would run into.
    guard !set.hasTimeout || delta.isEmpty else { return false }
    let share = Double(delta.count) / Double(max(1, held.count + set.elements.count))
    guard delta.count <= Self.alwaysInPlace || share <= Self.largestShare || set.isMap else {
      return false
    }
    names[set.name] = name
    if !delta.isEmpty { changed.append((set, delta)) }
    return true
  }
}
