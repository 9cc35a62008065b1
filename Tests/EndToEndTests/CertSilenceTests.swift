import Foundation
import Glibc
import Testing

/// Commands beside a process that says nothing, or where none is.
@Suite struct CertSilenceTests {
  @Test func `a stopped process ends a rotation in time, with the version before`() throws {
    let gate = try Gate([.named("s1")], edit: { $0.replacing("workers: 1", with: "workers: 2") })
    let certs = gate.folder.url.appendingPathComponent("certs").path
    let options = ["--dir", certs, "--socket", gate.socket]
    func cert(_ words: String...) throws -> Output {
      try run(Place.gatehouse, ["cert"] + words + options, seconds: 100)
    }
    try #require(try gate.command("cert", "dev", "shop.test", "--dir", certs).status == 0)
    #expect(try gate.waits { try gate.status().certificates.contains { $0.name == "shop.test" } })
    let before = try gate.status().certificates.first { $0.name == "shop.test" }?.leafSha256
    gate.signal(SIGSTOP)
    let rotated = try cert("rotate", "shop.test", "--wait", "1")
    #expect(rotated.status == 2)
    #expect(rotated.standardError.contains("has not answered within 30 s"))
    #expect(
      rotated.standardError.contains(
        "nobody said whether v0002 is served; v0001 is current again"))
    #expect(rotated.standardError.contains("cert rollback shop.test --to v0002"))
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: "\(certs)/shop.test/current")
        == "v0001")
    gate.signal(SIGCONT)
    #expect(gate.waits { (try? gate.status()) != nil })
    #expect(
      try gate.status().certificates.first { $0.name == "shop.test" }?.leafSha256 == before)
    // The version is as good as it was.
    let later = try cert("rollback", "shop.test", "--to", "v0002")
    #expect(later.status == 0, "\(later.standardError)")
    #expect(later.standardOutput.contains("served by 2/2 workers"))
  }

  @Test func `where somebody said a process is, its absence is told`() throws {
    let folder = try TemporaryFolder()
    let certs = folder.url.appendingPathComponent("certs").path
    let file = try folder.write(
      "gatehouse.yaml",
      """
      listeners: { https: { bind: "127.0.0.1:8443", certificates: certs } }
      backends: { web: { servers: ["127.0.0.1:9"] } }
      routes: [{ backend: web }]
      admin: { socket: admin.sock }
      """)
    try #require(try run(Place.gatehouse, ["cert", "dev", "a.test", "--dir", certs]).status == 0)
    for words in [
      ["rotate", "a.test"], ["rollback", "a.test", "--to", "v1"],
      [
        "import", "b.test", "--chain", "\(certs)/a.test/current/fullchain.pem", "--key",
        "\(certs)/a.test/current/key.pem",
      ],
    ] {
      let typed = try run(
        Place.gatehouse, ["cert"] + words + ["--dir", certs, "--socket", "wrong/admin.sock"])
      #expect(typed.status == 1, "\(words)")
      #expect(
        typed.standardOutput.contains(
          "stored, but nobody was told: no gatehouse answers on wrong/admin.sock"))
    }
    // Before a first start there is nobody, and that is no mistake.
    let named = try run(Place.gatehouse, ["cert", "rotate", "a.test", "-c", file])
    #expect(named.status == 0, "\(named.standardError)")
    #expect(named.standardOutput.contains("it is served from the next start on"))
  }
}
