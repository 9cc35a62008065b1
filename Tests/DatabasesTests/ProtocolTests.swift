import Testing

@testable import Databases

struct ProtocolTests {
  @Test func `packets are put together however their bytes come`() {
    let bytes = [3, 0, 0, 7, 1, 2, 3, 0, 0, 0, 8, 1, 0, 0, 9, 4] as [UInt8]
    for size in 1...bytes.count {
      var assembler = PacketAssembler()
      var found: [PacketAssembler.Packet] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        assembler.append(bytes[start..<min(start + size, bytes.count)])
        while case .packet(let packet) = assembler.next() { found.append(packet) }
      }
      #expect(found.map { Array($0.body) } == [[1, 2, 3], [], [4]])
      #expect(found.map(\.sequence) == [7, 8, 9])
    }
  }

  @Test func `a packet longer than anything we ask for is refused by its header`() {
    var assembler = PacketAssembler()
    assembler.append([0xff, 0xff, 0xff, 0] as [UInt8])
    #expect(assembler.next() == .tooLong(0xff_ffff))
  }

  @Test func `a greeting gives its version without the mark of MariaDB, and 20 bytes of challenge`()
  {
    let body = StubServer.greeting("5.5.5-10.11.19-MariaDB-log", plugin: "mysql_native_password")
    let greeting = Greeting(reading: body[...])
    #expect(greeting?.version == "10.11.19-MariaDB-log")
    #expect(greeting?.isMariaDB == true)
    #expect(greeting?.challenge == StubServer.challenge)
    #expect(greeting?.plugin == "mysql_native_password")
    for count in 0..<body.count - 22 { #expect(Greeting(reading: body.prefix(count)) == nil) }
  }

  @Test func `passwords are proved as the protocol has it`() {
    // SHA1 and SHA256 by Python's hashlib over the challenge below and "secret".
    let native = LoginProof.nativePassword.answer(
      Array("secret".utf8), challenge: StubServer.challenge)
    let sha2 = LoginProof.cachingSHA2.answer(
      Array("secret".utf8), challenge: StubServer.challenge)
    #expect(hex(native) == "64be601a44275765dacb040d3e8e442d7f18e96e")
    #expect(hex(sha2) == "249828fc66493e3d294aeed179c7afaee7e4463a82b2c5aff298199b8d8e3480")
    #expect(LoginProof.cachingSHA2.answer([], challenge: StubServer.challenge).isEmpty)
  }

  @Test func `an error has its words on one line, with and without a state`() {
    let before = [0xff, 0x10, 0x04] + Array("Too many\nconnections\u{1b}[31m".utf8)
    #expect(
      ServerError(reading: before[...])
        == ServerError(code: 1040, message: "Too many connections [31m"))
    let after = [0xff, 0x15, 0x04] + Array("#28000Access denied".utf8)
    #expect(ServerError(reading: after[...]) == ServerError(code: 1045, message: "Access denied"))
    #expect(ServerError(reading: [0xff, 1]) == nil)
  }

  @Test func `rows are read with their NULLs, and a request for our files is refused`() {
    var reader = ResultReader()
    let column = Array("\u{3}def\u{0}\u{0}\u{0}\u{1}a\u{0}".utf8) + [12, 45, 0]
    #expect(reader.take([2]) == .needsMore)
    #expect(reader.take(column[...]) == .needsMore)
    #expect(reader.take(column[...]) == .needsMore)
    #expect(reader.take([0xfe, 0, 0, 2, 0]) == .needsMore)
    #expect(reader.take([2, 0x68, 0x69, 0xfb]) == .needsMore)
    var table = ResultTable()
    table.columns = ["a", "a"]
    table.rows = [["hi", nil]]
    #expect(reader.take([0xfe, 0, 0, 2, 0]) == .done(table))

    var asked = ResultReader()
    let request = [0xfb] + Array("/etc/passwd".utf8)
    #expect(asked.take(request[...]) == .broken("an answer that is no table"))
  }

  @Test(arguments: [[3, 0x68, 0x69], [2, 0x68, 0x69, 0, 0], [0xfe, 1, 1, 1, 1, 1, 1, 1, 1, 1]])
  func `a row that does not fit its columns is refused`(_ row: [UInt8]) {
    var reader = ResultReader()
    _ = reader.take([1])
    _ = reader.take(Array("\u{3}def\u{0}\u{0}\u{0}\u{1}a".utf8)[...])
    _ = reader.take([0xfe, 0, 0, 2, 0])
    guard case .broken = reader.take(row[...]) else {
      Issue.record("taken: \(row)")
      return
    }
  }

  @Test func `GTIDs are compared server by server`() throws {
    let mine = try #require(GTIDPosition("0-1-9,0-2-5, 1-1-3"))
    let theirs = try #require(GTIDPosition("0-1-8,0-2-7,1-1-3"))
    #expect(mine.missing(in: theirs).description == "0-1-9")
    #expect(mine.union(theirs).description == "0-1-9,0-2-7,1-1-3")
    #expect(GTIDPosition("") == GTIDPosition())
    #expect(GTIDPosition("3E11FA47-71CA-11E1-9E33-C80AA9429562:1-5") == nil)
    for text in ["0-1-99999999999999999999", "0--1-9", "0-1-9-", "-0-1-9", "0-1"] {
      #expect(GTIDPosition(text) == nil, "\(text)")
    }
  }

  private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
