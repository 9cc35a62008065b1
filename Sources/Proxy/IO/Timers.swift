/// When to look at a connection again: a heap with one live entry per connection.
///
/// A connection whose deadline moves later keeps its entry and is put back when it comes up, so a
/// request costs the heap nothing.
struct Timers: ~Copyable {
  struct Entry {
    let time: Int64
    let token: Token
  }

  private var heap: [Entry] = []

  init() {}

  /// Milliseconds until the first entry, 0 when it is due, nil when there is none.
  func wait(from now: Int64) -> Int64? {
    heap.isEmpty ? nil : max(0, heap[0].time - now)
  }

  mutating func add(_ token: Token, at time: Int64) {
    heap.append(Entry(time: time, token: token))
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[child].time < heap[parent].time else { break }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  mutating func popDue(at now: Int64) -> Entry? {
    guard let first = heap.first, first.time <= now else { return nil }
    let last = heap.removeLast()
    guard !heap.isEmpty else { return first }
    heap[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < heap.count && heap[child].time < heap[least].time { least = child }
      guard least != parent else { return first }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
