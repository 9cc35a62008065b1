import Testing

@testable import Proxy

@Suite struct ByteQueueTests {
  @Test func `bytes leave in the order in which they came`() {
    var random = SeededGenerator(state: 10)
    var queue = ByteQueue()
    var expected: [UInt8] = []
    for round in 0..<5000 {
      switch Int.random(in: 0..<8, using: &random) {
      case 0...3:
        let count = Int.random(in: 0...(round % 100 == 0 ? 100_000 : 300), using: &random)
        let piece = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ round) }
        queue.append(piece.span)
        expected += piece
      case 4...6:
        let count = Int.random(in: 0...expected.count, using: &random)
        queue.consume(count)
        expected.removeFirst(count)
      default:
        let taken = queue.takeAll()
        #expect(queue.count == 0)
        #expect([UInt8](copying: taken.bytes) == expected)
        expected = []
      }
      #expect(queue.count == expected.count && queue.isEmpty == expected.isEmpty)
      #expect([UInt8](copying: queue.bytes) == expected)
    }
  }

  @Test func `an empty queue has no bytes`() {
    var queue = ByteQueue()
    #expect(queue.bytes.count == 0)
    queue.append([UInt8]().span)
    queue.consume(0)
    #expect(queue.isEmpty == true)
    queue.append([1].span)
    queue.removeAll()
    #expect(queue.count == 0 && queue.bytes.count == 0)
  }
}
