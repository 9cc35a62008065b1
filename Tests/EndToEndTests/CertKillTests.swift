import Foundation
import Glibc
import Testing

/// A command that is killed at any step leaves a store that lists, and a whole version that serves.
@Suite(.serialized) struct CertKillTests {
  let folder: TemporaryFolder
  let certs: String

  init() throws {
    folder = try TemporaryFolder()
    certs = folder.url.appendingPathComponent("certs").path
    for name in ["shop.test", "spare-a.test", "spare-b.test"] {
      let made = try cert("dev", name)
      try #require(made.status == 0, "\(made.standardError)")
    }
  }

  @discardableResult
  private func cert(_ arguments: String...) throws -> Output {
    try run(Place.gatehouse, ["cert"] + arguments + ["--dir", certs])
  }

  private var versions: [String] {
    let names = try? FileManager.default.contentsOfDirectory(atPath: "\(certs)/shop.test")
    return (names ?? []).filter { $0.wholeMatch(of: /v\d{4}/) != nil }.sorted()
  }

  private func expectWhole(_ when: String) throws {
    let list = try cert("list", "--json")
    // An import brings names that a spare one bears, too: a warning.
    #expect(list.status <= 1, "\(when): \(list.standardOutput)\(list.standardError)")
    let rows = try #require(
      JSONSerialization.jsonObject(with: Data(list.standardOutput.utf8)) as? [[String: Any]])
    #expect(
      rows.compactMap { $0["name"] as? String } == ["shop.test", "spare-a.test", "spare-b.test"],
      "\(when)")
    let states = rows.map { $0["state"] as? String }
    #expect(states.allSatisfy { $0 == "ok" || $0 == "warning" }, "\(when)")
    if list.status == 1 {
      #expect("\(rows)".contains("served by"), "\(when): \(rows)")
    }
    for version in versions {
      for file in ["fullchain.pem", "key.pem", "meta.json"] {
        let text = FileManager.default.contents(atPath: "\(certs)/shop.test/\(version)/\(file)")
        #expect(text?.isEmpty == false, "\(when): \(version)/\(file)")
      }
    }
  }

  /// Ends the command before each of its calls that change a file; how often that was.
  private func killAtEveryCall(_ command: () throws -> [String]) throws -> Int {
    var kills = 0
    for call in ["flock", "mkdir", "write", "fsync", "rename", "unlink", "symlink", "rmdir"] {
      // strace counts each kind of call by itself.
      for number in 1...100 {
        let arguments = try command()
        let ended = try run(
          "strace",
          ["-f", "-qq", "-o", "/dev/null", "-e", "inject=/^\(call):signal=KILL:when=\(number)"]
            + [Place.gatehouse, "cert"] + arguments + ["--dir", certs, "--socket", "nowhere"])
        if ended.status == 0 || ended.status == 1 { break }
        #expect(ended.status == SIGKILL || ended.status == 128 + SIGKILL, "\(ended)")
        kills += 1
        try expectWhole("\(arguments[0]), killed at \(call) \(number)")
      }
    }
    return kills
  }

  @Test func `a rotation, killed at each of its calls`() throws {
    #expect(try killAtEveryCall { ["rotate", "shop.test"] } >= 15)
    #expect(versions.count <= 6)
    let left = try FileManager.default.contentsOfDirectory(atPath: "\(certs)/shop.test")
    #expect(left.filter { $0.hasPrefix(".v") || $0.hasPrefix("current.") } == [])
  }

  @Test func `an import, killed at each of its calls`() throws {
    let kills = try killAtEveryCall {
      // Another one than the current, which a kill may have come too late for.
      let current = FileManager.default.contents(
        atPath: "\(certs)/shop.test/current/fullchain.pem")
      let other = ["spare-a.test", "spare-b.test"].map { "\(certs)/\($0)/v0001" }.first {
        FileManager.default.contents(atPath: "\($0)/fullchain.pem") != current
      }
      let new = try #require(other)
      return [
        "import", "shop.test", "--chain", "\(new)/fullchain.pem", "--key", "\(new)/key.pem",
        "--allow-downgrade",
      ]
    }
    #expect(kills >= 15, "\(kills)")
  }

  @Test func `commands killed at any moment, and many at once`() throws {
    var killed = 0
    for round in 0..<30 {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: Place.gatehouse)
      process.arguments = [
        "cert", "rotate", "shop.test", "--dir", certs, "--socket", "nowhere",
      ]
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      // The moments are the test: from before it has begun to after it is done.
      usleep(UInt32.random(in: 0...60_000))
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      killed += process.terminationReason == .uncaughtSignal ? 1 : 0
      try expectWhole("round \(round)")
    }
    #expect(killed > 0)
    let before = versions.last ?? ""
    let all = (0..<4).map { _ in
      let process = Process()
      process.executableURL = URL(fileURLWithPath: Place.gatehouse)
      process.arguments = [
        "cert", "rotate", "shop.test", "--dir", certs, "--socket", "nowhere",
      ]
      process.standardOutput = FileHandle.nullDevice
      return process
    }
    for process in all { try process.run() }
    for process in all { process.waitUntilExit() }
    // Done, and nobody was there to be told.
    #expect(all.allSatisfy { $0.terminationStatus == 1 })
    #expect(versions.filter { $0 > before }.count == 4)
    try expectWhole("after four at once")
  }
}
