@testable import Databases

/// Reads what a server sent as everything that it could be.
struct DatabaseReaderFuzzer: Fuzzer {
  func check(_ bytes: [UInt8]) throws(Fault) {
    let bodies = Self.assembled(bytes, pieces: bytes.count)
    try Fault.unless(bodies == PlainPackets.bodies(bytes), "other packets")
    try Fault.unless(bodies == Self.assembled(bytes, pieces: 7), "other packets in pieces")
    for body in bodies { try Self.checkBody(body) }
    for start in bodies.indices.prefix(3) { try Self.checkResult(bodies[start...]) }
    try Self.checkPosition(bytes)
  }

  private static func assembled(_ bytes: [UInt8], pieces: Int) -> [[UInt8]] {
    var assembler = PacketAssembler()
    var bodies: [[UInt8]] = []
    for start in stride(from: 0, to: bytes.count, by: max(1, pieces)) {
      assembler.append(bytes[start..<min(start + max(1, pieces), bytes.count)])
      while case .packet(let packet) = assembler.next() { bodies.append(Array(packet.body)) }
    }
    return bodies
  }

  private static func checkBody(_ body: [UInt8]) throws(Fault) {
    // What begins at zero hides a wrong index.
    let body = ([0, 0, 0] + body)[3...]
    if let greeting = Greeting(reading: body) {
      try MessageText.check(greeting.version)
      try MessageText.check(greeting.plugin)
      try Fault.unless(
        greeting.challenge.count == Greeting.challengeSize, "a challenge of another size")
    }
    if let error = ServerError(reading: body) {
      try MessageText.check(DatabaseError(.login, .refused(error)).description)
    }
    switch ServerReply(readingLogin: body) {
    case .ok: break
    case .error(let error): try MessageText.check(error.message)
    case .switchPlugin(let name, let challenge):
      try MessageText.check(name)
      _ = LoginProof.cachingSHA2.answer([1], challenge: challenge)
      let seed = [UInt8](repeating: 1, count: LoginProof.seedSize)
      let signature = LoginProof.ed25519.answer(seed, challenge: challenge)
      try Fault.unless(signature.count == 64, "a signature of another size")
    case .more(let bytes): try Fault.unless(bytes.count < body.count, "more than there is")
    case .broken(let what): try MessageText.check(what)
    }
  }

  private static func checkResult(_ bodies: ArraySlice<[UInt8]>) throws(Fault) {
    var reader = ResultReader()
    for body in bodies {
      switch reader.take(([0, 0, 0] + body)[3...]) {
      case .needsMore: continue
      case .broken(let what): return try MessageText.check(what)
      case .refused(let error): return try MessageText.check(error.message)
      case .done(let table): return try checkTable(table)
      }
    }
  }

  private static func checkTable(_ table: ResultTable) throws(Fault) {
    try Fault.unless(
      table.rows.allSatisfy { $0.count == table.columns.count }
        && table.columns.count <= ResultReader.columnLimit,
      "a row that does not fit its columns")
    _ = DatabaseLint.findings(table)
    try checkHeartbeat(table)
    guard let facts = FactsReader.facts(table, table, isMariaDB: true, version: "1") else { return }
    if let tls = facts.replication?.tls {
      let statement = FollowStatement.text("h", 1, tls, user: "u", password: "p")
      try MessageText.check(statement)
      let quotes = statement.utf8.filter { $0 == UInt8(ascii: "'") }.count
      try Fault.unless(quotes.isMultiple(of: 2), "a file's name that ends its quotes")
    }
    for text in [facts.position, facts.binlogState, facts.slavePosition] {
      try MessageText.check(text)
    }
    let outcome = ProbeOutcome(answer: .facts(facts), took: .zero)
    try MessageText.check(DatabaseVerdict(outcome, lagLimit: .seconds(10)).reason)
    try Fault.unless(
      facts.transactions(missingIn: facts).isEmpty, "a server that lacks what it has")
    let empty = DatabaseFacts(version: "1", serverID: 1, isReadOnly: false, position: "")
    _ = facts.transactionCount(missingIn: empty)
  }

  private static func checkHeartbeat(_ answer: ResultTable) throws(Fault) {
    guard let table = HeartbeatTable("percona.heartbeat") else { return }
    var replication = DatabaseFacts.Replication(
      sourceHost: "", sourcePort: 1, receiver: .running, isApplying: true, lag: nil)
    replication.heartbeat = table.heartbeat(answer, 1)
    let facts = DatabaseFacts(
      version: "1", serverID: 2, isReadOnly: true, position: "", replication: replication)
    let outcome = ProbeOutcome(answer: .facts(facts), took: .zero)
    try MessageText.check(DatabaseVerdict(outcome, lagLimit: .seconds(10)).reason)
  }

  private static func checkPosition(_ bytes: [UInt8]) throws(Fault) {
    guard let position = GTIDPosition(String(decoding: bytes, as: UTF8.self)) else { return }
    try Fault.unless(GTIDPosition(position.description) == position, "another position")
    let safe = position.description.utf8.allSatisfy { "0123456789-,".utf8.contains($0) }
    try Fault.unless(safe, "a position that is no plain text for SQL")
  }
}

/// Packets read by indices alone, as the protocol's page has it.
private enum PlainPackets {
  static func bodies(_ bytes: [UInt8]) -> [[UInt8]] {
    var bodies: [[UInt8]] = []
    var start = 0
    while start + 4 <= bytes.count {
      let length = Int(bytes[start]) + Int(bytes[start + 1]) << 8 + Int(bytes[start + 2]) << 16
      guard length <= PacketAssembler.bodyLimit, start + 4 + length <= bytes.count else { break }
      bodies.append(Array(bytes[start + 4..<start + 4 + length]))
      start += 4 + length
    }
    return bodies
  }
}
