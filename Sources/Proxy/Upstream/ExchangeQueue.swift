/// Exchanges of one backend that wait for a server in this worker, in the order in which they came.
struct ExchangeQueue {
  private var waiting: [SlotID] = []
  private var first = 0

  var count: Int { waiting.count - first }
  var isEmpty: Bool { count == 0 }
  /// In their order.
  var all: ArraySlice<SlotID> { waiting[first...] }

  mutating func append(_ id: SlotID) { waiting.append(id) }

  mutating func takeFirst() -> SlotID? {
    guard first < waiting.count else { return nil }
    let id = waiting[first]
    first += 1
    if first > 64, first * 2 > waiting.count {
      waiting.removeFirst(first)
      first = 0
    }
    return id
  }

  /// They go back to where they came from, first first: nobody could take them.
  mutating func putBack(_ ids: [SlotID]) {
    guard !ids.isEmpty else { return }
    waiting.replaceSubrange(..<first, with: ids)
    first = 0
  }

  mutating func remove(_ id: SlotID) {
    guard let index = waiting[first...].firstIndex(of: id) else { return }
    waiting.remove(at: index)
  }

  /// All of them, first first.
  mutating func takeAll() -> [SlotID] {
    let all = Array(all)
    self = ExchangeQueue()
    return all
  }
}
