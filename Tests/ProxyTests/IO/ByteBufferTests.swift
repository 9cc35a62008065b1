import Testing

@testable import Proxy

@Suite struct ByteBufferTests {
  @Test func `bytes stay where they were put`() {
    let buffer = ByteBuffer(capacity: 8)
    defer { buffer.free() }
    #expect([UInt8](copying: buffer.bytes(0..<8)) == [UInt8](repeating: 0, count: 8))
    buffer.copy([1, 2, 3].span, to: 5)
    buffer.copy([UInt8]().span, to: 8)
    #expect([UInt8](copying: buffer.bytes(4..<8)) == [0, 1, 2, 3])
    // Over itself, as a head is moved before its body.
    buffer.copy(buffer.bytes(5..<8), to: 4)
    #expect([UInt8](copying: buffer.bytes(3..<8)) == [0, 1, 2, 3, 3])
    #expect(buffer.bytes(8..<8).count == 0)
  }

  @Test func `what is written out ends where the memory does`() {
    let buffer = ByteBuffer(capacity: 8)
    defer { buffer.free() }
    var output = buffer.output(at: 5)
    #expect(output.freeCapacity == 3)
    output.put("ab")
    output.put("")
    #expect(output.count == 2 && output.freeCapacity == 1)
    #expect([UInt8](copying: buffer.bytes(4..<8)) == [0, 0x61, 0x62, 0])
    #expect(buffer.output(at: 8).freeCapacity == 0)
  }

  @Test func `memory is lent for a call`() {
    let buffer = ByteBuffer(capacity: 8)
    defer { buffer.free() }
    let count = unsafe buffer.fill(at: 2, atMost: 4) { region in
      unsafe region.copyBytes(from: [7, 7, 7])
      return region.count - 1
    }
    #expect(count == 3)
    #expect([UInt8](copying: buffer.bytes(0..<8)) == [0, 0, 7, 7, 7, 0, 0, 0])
  }
}

@Suite struct ReadBufferTests {
  @Test func `what is consumed is gone, and all of it gives all room back`() {
    var buffer = ReadBuffer(capacity: 8)
    defer { buffer.memory.free() }
    #expect(buffer.isEmpty && buffer.room == 8)
    buffer.append([1, 2, 3, 4].span)
    buffer.consume(1)
    #expect([UInt8](copying: buffer.bytes) == [2, 3, 4])
    #expect([UInt8](copying: buffer.prefix(2)) == [2, 3])
    #expect(buffer.count == 3 && buffer.room == 4 && buffer.writeOffset == 4)
    buffer.memory.copy([5, 6].span, to: buffer.writeOffset)
    buffer.add(2)
    #expect([UInt8](copying: buffer.bytes) == [2, 3, 4, 5, 6])
    buffer.consume(5)
    #expect(buffer.isEmpty && buffer.room == 8 && buffer.writeOffset == 0)
  }
}
