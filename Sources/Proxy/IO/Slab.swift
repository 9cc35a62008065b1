/// Names an element of a slab; after the element is gone the name finds nothing.
struct SlotID: Equatable {
  var index: UInt32
  var generation: UInt32
}

/// Elements at addresses that never change, found by an ID that is checked.
///
/// 3.5 ns an access where a class in an array took 20-30 (docs/performance.md).
@safe struct Slab<Element: ~Copyable>: ~Copyable {
  private static var chunkSize: Int { 256 }

  private var chunks: [UnsafeMutablePointer<Element>] = unsafe []
  private var generations: [UInt32] = []  // odd: in use
  private var free: [UInt32] = []
  private(set) var count = 0

  init() {}

  deinit {
    for index in generations.indices where generations[index] & 1 == 1 {
      unsafe pointer(index).deinitialize(count: 1)
    }
    for index in unsafe chunks.indices { unsafe chunks[index].deallocate() }
  }

  func contains(_ id: SlotID) -> Bool {
    Int(id.index) < generations.count && generations[Int(id.index)] == id.generation
      && id.generation & 1 == 1
  }

  mutating func insert(_ element: consuming Element) -> SlotID {
    if free.isEmpty { grow() }
    let index = free.removeLast()
    generations[Int(index)] = (generations[Int(index)] &+ 1) & 0x3fff_ffff
    unsafe pointer(Int(index)).initialize(to: element)
    count += 1
    return SlotID(index: index, generation: generations[Int(index)])
  }

  mutating func remove(_ id: SlotID) {
    guard contains(id) else { return }
    unsafe pointer(Int(id.index)).deinitialize(count: 1)
    generations[Int(id.index)] = (generations[Int(id.index)] &+ 1) & 0x3fff_ffff
    free.append(id.index)
    count -= 1
  }

  subscript(_ id: SlotID) -> Element {
    _read {
      precondition(contains(id))
      yield unsafe pointer(Int(id.index)).pointee
    }
    _modify {
      precondition(contains(id))
      yield unsafe &pointer(Int(id.index)).pointee
    }
  }

  /// The IDs in use, for the rare walk over all of them.
  func ids() -> [SlotID] {
    generations.indices.filter { generations[$0] & 1 == 1 }
      .map { SlotID(index: UInt32($0), generation: generations[$0]) }
  }

  private func pointer(_ index: Int) -> UnsafeMutablePointer<Element> {
    unsafe chunks[index / Self.chunkSize] + index % Self.chunkSize
  }

  private mutating func grow() {
    let first = generations.count
    unsafe chunks.append(.allocate(capacity: Self.chunkSize))
    generations.append(contentsOf: repeatElement(0, count: Self.chunkSize))
    free.append(contentsOf: (first..<first + Self.chunkSize).reversed().map { UInt32($0) })
  }
}
