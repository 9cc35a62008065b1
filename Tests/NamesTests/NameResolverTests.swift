import Testing

@testable import Names

struct NameResolverTests {
  private static func resolver(_ server: StubNameServer) -> NameResolver {
    var resolver = NameResolver()
    resolver.servers = [server.peer]
    resolver.hostsPath = "/nonexistent"
    resolver.settingsPath = "/nonexistent"
    return resolver
  }

  private static func answer(
    _ server: StubNameServer, _ name: String = "api.test", within limit: Duration = .seconds(8)
  ) throws(NameResolver.Failure) -> NameResolver.Answer {
    try resolver(server).addresses(of: name, within: limit)
  }

  @Test func `what does not answer the question is passed over`() throws {
    let server = StubNameServer { question in
      var right = StubAnswer(question: question)
      guard right.isForIPv4 else { return [.init(bytes: right.bytes)] }
      right.records = [StubAnswer.address([10, 0, 0, 5])]
      var wrong = right
      wrong.records = [StubAnswer.address([6, 6, 6, 6])]
      var otherID = wrong.bytes
      otherID[0] ^= 1
      var otherName = wrong.bytes
      otherName[13] = UInt8(ascii: "b")
      var otherKind = wrong.bytes
      otherKind[12 + 10 + 1] = 28
      var noAnswer = wrong.bytes
      noAnswer[2] &= 0x7f
      return [
        .init(bytes: []), .init(bytes: [1, 2, 3]), .init(bytes: otherID), .init(bytes: otherName),
        .init(bytes: otherKind), .init(bytes: noAnswer),
        .init(bytes: wrong.bytes, isForeign: true), .init(bytes: right.bytes),
      ]
    }
    let answer = try Self.answer(server)
    #expect(answer.addresses == [[10, 0, 0, 5]] && answer.life == .seconds(60))
    #expect(!answer.isPartial)
  }

  @Test func `an alias that leads out of the answer is asked for, and counts for the TTL`() throws {
    let server = StubNameServer { question in
      var answer = StubAnswer(question: question)
      let isAlias = question[13] == UInt8(ascii: "a")
      if isAlias { answer.records = [StubAnswer.alias(to: "web.test", ttl: 7)] }
      if !isAlias, answer.isForIPv4 { answer.records = [StubAnswer.address([10, 0, 0, 5])] }
      return [.init(bytes: answer.bytes)]
    }
    let answer = try Self.answer(server)
    #expect(answer.addresses == [[10, 0, 0, 5]] && answer.life == .seconds(7))
  }

  @Test func `aliases that never end are given up`() {
    let server = StubNameServer { question in
      var answer = StubAnswer(question: question)
      let next = question[13] == UInt8(ascii: "a") ? "b.test" : "a.test"
      answer.records = [StubAnswer.alias(to: next)]
      return [.init(bytes: answer.bytes)]
    }
    let failure = #expect(throws: NameResolver.Failure.self) { try Self.answer(server, "a.test") }
    #expect(failure?.text == "its aliases do not end")
  }

  @Test func `an answer that was cut, and cannot be had whole, is none`() {
    let server = StubNameServer { question in
      var answer = StubAnswer(question: question)
      answer.isTruncated = true
      answer.records = [StubAnswer.address([10, 0, 0, 5])]
      return [.init(bytes: answer.bytes)]
    }
    let failure = #expect(throws: NameResolver.Failure.self) { try Self.answer(server) }
    #expect(failure?.reason == .unknown && failure?.text.contains("TCP") == true)
  }

  @Test func `one family without an answer is told apart from one without an address`() throws {
    let server = StubNameServer { question in
      var answer = StubAnswer(question: question)
      if answer.isForIPv4 {
        answer.records = [StubAnswer.address([10, 0, 0, 5])]
      } else {
        answer.code = 2
      }
      return [.init(bytes: answer.bytes)]
    }
    #expect(try Self.answer(server).isPartial)
  }

  @Test(arguments: [(3, "no such name"), (0, "it has no address"), (5, "REFUSED"), (4, "error 4")])
  func `a failure says what it is`(code: UInt8, words: String) {
    let server = StubNameServer { question in
      var answer = StubAnswer(question: question)
      answer.code = code
      return [.init(bytes: answer.bytes)]
    }
    let failure = #expect(throws: NameResolver.Failure.self) { try Self.answer(server) }
    #expect(failure?.text.contains(words) == true, "\(failure as Any)")
    #expect(failure?.reason == ([0, 3].contains(code) ? .absent : .unknown))
  }

  @Test func `who says nothing is waited for no longer than is said`() {
    let server = StubNameServer { _ in [] }
    let start = ContinuousClock.now
    let failure = #expect(throws: NameResolver.Failure.self) {
      try Self.answer(server, within: .milliseconds(200))
    }
    #expect(failure == .silent && ContinuousClock.now - start < .seconds(5))
  }

  @Test(arguments: [(UInt8(0), 1), (255, 255)])
  func `a TTL is held within its bounds`(ttl: UInt8, seconds: Int) throws {
    let server = StubNameServer { question in
      var answer = StubAnswer(question: question)
      if answer.isForIPv4 { answer.records = [StubAnswer.address([10, 0, 0, 5], ttl: ttl)] }
      return [.init(bytes: answer.bytes)]
    }
    #expect(try Self.answer(server).life == .seconds(seconds))
  }

  @Test func `an address without a way to it is left out while others are left`() {
    let four: [UInt8] = [10, 0, 0, 5]
    let six = [0x20, 1] + [UInt8](repeating: 0, count: 13) + [5]
    #expect(NameResolver.usable([six, four]) { $0.count == 4 } == [four])
    #expect(NameResolver.usable([six, four]) { _ in false } == [four, six])
    #expect(NameResolver.usable([six, four]) { _ in true } == [four, six])
  }
}
