import Testing

@testable import Proxy

/// Says when it ends.
private struct Guest: ~Copyable {
  final class Register {
    var present: Set<Int> = []
  }
  let number: Int
  let register: Register
  var visits = 0

  init(_ number: Int, _ register: Register) {
    self.number = number
    self.register = register
    register.present.insert(number)
  }

  deinit { register.present.remove(number) }
}

@Suite struct SlabTests {
  @Test func `an ID finds its element until it is removed, and nothing after`() {
    let register = Guest.Register()
    var slab = Slab<Guest>()
    let one = slab.insert(Guest(1, register))
    let two = slab.insert(Guest(2, register))
    slab[one].visits += 1
    slab[one].visits += 1
    #expect(slab[one].number == 1 && slab[one].visits == 2)
    #expect(slab[two].number == 2 && slab[two].visits == 0)
    slab.remove(one)
    #expect(register.present == [2])
    #expect(slab.contains(one) == false)
    #expect(slab.contains(two) == true)
    #expect(slab.count == 1)
    let three = slab.insert(Guest(3, register))
    #expect(three.index == one.index && three != one)
    #expect(slab.contains(one) == false)
    slab.remove(one)
    #expect(slab[three].number == 3 && slab.count == 2)
    #expect(slab.ids() == [three, two])
  }

  @Test func `an ID that was never given out finds nothing`() {
    var slab = Slab<Int>()
    #expect(slab.contains(SlotID(index: 0, generation: 0)) == false)
    #expect(slab.contains(SlotID(index: 0, generation: 1)) == false)
    let id = slab.insert(5)
    for index in [id.index, id.index + 1, 255, 256, UInt32.max] {
      for generation in [0, id.generation + 1, id.generation + 2, UInt32.max] {
        let other = SlotID(index: index, generation: generation)
        #expect(slab.contains(other) == false)
        slab.remove(other)
      }
    }
    #expect(slab[id] == 5 && slab.count == 1)
  }

  @Test func `all that is left ends with the slab`() {
    let register = Guest.Register()
    do {
      var slab = Slab<Guest>()
      var ids: [SlotID] = []
      for number in 0..<1000 { ids.append(slab.insert(Guest(number, register))) }
      for number in 0..<500 { slab.remove(ids[2 * number]) }
      #expect(register.present.count == 500 && slab.count == 500)
    }
    #expect(register.present.isEmpty)
  }

  @Test func `it agrees with a dictionary`() {
    var random = SeededGenerator(state: 11)
    var slab = Slab<Int>()
    var expected: [UInt64: Int] = [:]
    var ids: [SlotID] = []
    for number in 0..<20_000 {
      if ids.isEmpty || Int.random(in: 0..<5, using: &random) < 3 {
        let id = slab.insert(number)
        #expect(expected.updateValue(number, forKey: Token(.client, id).bits) == nil)
        ids.append(id)
      } else {
        // One that may have gone already.
        let id = ids[Int.random(in: 0..<ids.count, using: &random)]
        #expect(slab.contains(id) == (expected[Token(.client, id).bits] != nil))
        slab.remove(id)
        expected[Token(.client, id).bits] = nil
      }
    }
    #expect(slab.count == expected.count)
    #expect(
      Dictionary(uniqueKeysWithValues: slab.ids().map { (Token(.client, $0).bits, slab[$0]) })
        == expected)
  }

  @Test func `a token is the same after its way through the kernel`() {
    for kind in [Token.Kind.listener, .client, .upstream, .mailbox] {
      for generation in [0, 1, 0x3fff_ffff] {
        for index in [0, 1, UInt32.max] {
          let token = Token(kind, SlotID(index: index, generation: UInt32(generation)))
          #expect(Token(bits: token.bits) == token)
        }
      }
    }
  }
}
