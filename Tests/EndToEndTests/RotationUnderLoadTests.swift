import Foundation
import Testing

/// `gatehouse cert rotate` while clients come and stay.
@Suite struct RotationUnderLoadTests {
  private struct Load: Decodable {
    let handshakes, asked, leaves: Int
    let seconds: Double
    let failed: [String]
  }

  private struct Rotated: Decodable {
    struct Serving: Decodable {
      let answer: String
      let workers: Int
    }
    let leafSha256: String
    let serving: Serving
  }

  @Test func `a hundred rotations fail no handshake and drop no connection`() throws {
    try Turn.alone { try rotate() }
  }

  private func rotate() throws {
    let folder = try TemporaryFolder()
    let certs = folder.url.appendingPathComponent("certs").path
    let made = try run(Place.gatehouse, ["cert", "dev", "www.test", "--dir", certs])
    #expect(made.status == 0, "\(made.standardError)")
    let gate = try Gate(
      [.named("s1")],
      edit: {
        $0.replacing("certificates: certs", with: "certificates: \(certs)")
          .replacing("workers: 1", with: "workers: 2")
          + "log: { to: \(folder.url.path)/access.log }\n"
      })
    let stop = folder.url.appendingPathComponent("stop").path
    let script = Place.root.appendingPathComponent("Tests/EndToEndTests/Oracle/handshakes.py").path
    func load(_ rate: Int, _ held: Int) throws -> (Process, Pipe) {
      let process = Process()
      let pipe = Pipe()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = [
        "python3", script, "\(gate.https)", "\(certs)/.authority/ca.pem", stop, "\(rate)",
        "\(held)",
      ]
      process.standardOutput = pipe
      try process.run()
      return (process, pipe)
    }
    let loads = try [load(250, 100), load(250, 100)]
    for (_, pipe) in loads {
      var said = Data()
      while !said.contains(0x0a) {
        let piece = pipe.fileHandleForReading.availableData
        guard !piece.isEmpty else { break }
        said += piece
      }
      #expect(said == Data("ready\n".utf8))
    }
    for _ in 0..<100 {
      let rotated = try run(
        Place.gatehouse,
        ["cert", "rotate", "www.test", "--dir", certs, "--socket", gate.socket, "--json"])
      #expect(rotated.status == 0, "\(rotated.standardError)")
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      let facts = try decoder.decode(Rotated.self, from: Data(rotated.standardOutput.utf8))
      #expect(facts.serving.answer == "served" && facts.serving.workers == 2)
      for _ in 0..<4 { #expect(try leaf(gate) == facts.leafSha256) }
    }
    _ = FileManager.default.createFile(atPath: stop, contents: nil)
    var handshakes = 0
    for (process, pipe) in loads {
      let text = pipe.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      let load = try JSONDecoder().decode(Load.self, from: text)
      #expect(load.failed == [], "\(Self.odd(in: "\(folder.url.path)/access.log"))")
      #expect(load.leaves >= 90)
      #expect(load.asked > 100)
      handshakes += load.handshakes
      print("rotation under load: \(Int(Double(load.handshakes) / load.seconds)) handshakes/s")
    }
    #expect(handshakes > 2_000)
    #expect(!gate.log.contains("error"))
  }

  /// What the gate says of requests that were not answered as all others are.
  private static func odd(in path: String) -> String {
    let lines = (try? String(contentsOfFile: path, encoding: .utf8))?.split(separator: "\n") ?? []
    return lines.filter { !$0.contains("\"status\":200") || $0.contains("\"term\":\"C") }
      .prefix(20).joined(separator: "\n")
  }

  /// What a client from outside is served now.
  private func leaf(_ gate: Gate) throws -> String {
    let shown = try run(
      "sh",
      [
        "-c",
        "openssl s_client -connect 127.0.0.1:\(gate.https) -servername www.test </dev/null 2>/dev/null"
          + " | openssl x509 -noout -fingerprint -sha256",
      ])
    return shown.standardOutput.split(separator: "=").last.map {
      $0.replacing(":", with: "").trimmingCharacters(in: .whitespacesAndNewlines).lowercased()
    } ?? "none"
  }
}
