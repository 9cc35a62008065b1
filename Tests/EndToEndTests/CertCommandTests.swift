import Foundation
import Glibc
import Testing

/// `gatehouse cert`, beside a process that answers, one that refuses, and none.
struct CertCommandTests {
  let folder: TemporaryFolder
  let certs: String

  init() throws {
    folder = try TemporaryFolder()
    certs = folder.url.appendingPathComponent("certs").path
    let made = try gatehouse("cert", "dev", "shop.test", "--dir", certs)
    try #require(made.status == 0, "\(made.standardError)")
  }

  @discardableResult
  private func gatehouse(_ arguments: String...) throws -> Output {
    try run(Place.gatehouse, arguments)
  }

  /// Beside the process of this socket, or beside none: that of a file whose process does not run.
  private func cert(_ arguments: String..., socket: String? = nil) throws -> Output {
    let file = try folder.write(
      "none.yaml",
      """
      listeners: { https: { bind: "127.0.0.1:8443", certificates: certs } }
      backends: { web: { servers: ["127.0.0.1:9"] } }
      routes: [{ backend: web }]
      admin: { socket: admin.sock }
      """)
    let whom = socket.map { ["--socket", $0] } ?? ["-c", file]
    return try run(Place.gatehouse, ["cert"] + arguments + ["--dir", certs] + whom)
  }

  private var current: String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: "\(certs)/shop.test/current")
  }

  /// SHA-256 of what the link leads to.
  private static func leaf(_ certs: String) -> String {
    let ended = try? run(
      "openssl",
      [
        "x509", "-in", "\(certs)/shop.test/current/fullchain.pem", "-noout", "-fingerprint",
        "-sha256",
      ])
    return (ended?.standardOutput.split(separator: "=").last ?? "").lowercased()
      .filter(\.isHexDigit)
  }

  @Test func `a rotation that every worker serves is committed`() throws {
    let certs = certs
    let stub = StubRefresh { _ in
      (200, StubRefresh.answer("shop.test", "serving", of: certs, leaf: Self.leaf(certs)))
    }
    let rotated = try cert("rotate", "shop.test", socket: stub.path)
    #expect(rotated.status == 0, "\(rotated.standardError)")
    let line = rotated.standardOutput.split(separator: "\n").first ?? ""
    #expect(
      line.wholeMatch(
        of:
          /staged v0002 · gates 22\/22 · now current · served by 2\/2 workers · [0-9.]+ s; v0001 is kept for: gatehouse cert rollback shop\.test/
      ) != nil, "\(line)")
    #expect(stub.requests == ["POST /v1/certificates/refresh/shop.test"])
    #expect(current == "v0002")
    let back = try cert("rollback", "shop.test", socket: stub.path)
    #expect(
      back.standardOutput.hasPrefix("back to v0001 · gates 22/22 · now current · served by 2/2"))
    #expect(current == "v0001")
  }

  @Test func `one that the process found by itself before it was asked is served, too`() throws {
    let certs = certs
    let stub = StubRefresh { _ in
      (
        200,
        StubRefresh.answer("shop.test", "unchanged", of: certs, leaf: Self.leaf(certs), probed: 0)
      )
    }
    #expect(try cert("rotate", "shop.test", socket: stub.path).status == 0)
    #expect(current == "v0002")
  }

  @Test(arguments: ["kept", "refused", "removed"])
  func `a rotation that the process refuses is sent back`(_ outcome: String) throws {
    let certs = certs
    let stub = StubRefresh { _ in
      (
        200,
        StubRefresh.answer(
          "shop.test", outcome, of: certs, leaf: nil,
          problems: outcome == "removed" ? [] : ["names: not those"])
      )
    }
    let rotated = try cert("rotate", "shop.test", socket: stub.path)
    #expect(rotated.status == 2)
    #expect(rotated.standardOutput.isEmpty)
    let reason = outcome == "removed" ? "https: no longer finds it" : "https: names: not those"
    #expect(rotated.standardError.contains(reason))
    #expect(rotated.standardError.contains("v0001 is current again, and v0002 is quarantined"))
    #expect(current == "v0001")
    // Asked once more, so that it goes back as well.
    #expect(stub.requests.count == 2)
    let refused = try cert("rollback", "shop.test", "--to", "v2")
    #expect(refused.status == 2)
    #expect(refused.standardError.contains("is quarantined: "))
  }

  @Test func `another leaf than the new one, or too few workers, is a mismatch`() throws {
    let certs = certs
    let other = StubRefresh { _ in
      (
        200,
        StubRefresh.answer(
          "shop.test", "serving", of: certs, leaf: String(repeating: "ab", count: 32))
      )
    }
    let first = try cert("rotate", "shop.test", socket: other.path)
    #expect(first.status == 2 && first.standardError.contains("serves another certificate"))
    let few = StubRefresh { _ in
      (
        200,
        StubRefresh.answer("shop.test", "serving", of: certs, leaf: Self.leaf(certs), probed: 1)
      )
    }
    let second = try cert("rotate", "shop.test", "--wait", "1", socket: few.path)
    #expect(second.status == 2 && second.standardError.contains("only 1 of 2 workers serve it"))
    #expect(few.requests.count > 2)
    #expect(current == "v0001")
  }

  @Test func `an answer that makes no sense is sent back`() throws {
    let stub = StubRefresh { _ in (200, "what?") }
    #expect(try cert("rotate", "shop.test", socket: stub.path).status == 2)
    #expect(current == "v0001")
  }

  @Test func `a process that serves another folder is told as that`() throws {
    for (status, body) in [
      (200, #"{"entries":[],"workers":2}"#), (404, #"{"errors":["no such"]}"#),
    ] {
      let stub = StubRefresh { _ in (status, body) }
      let rotated = try cert("rotate", "shop.test", socket: stub.path)
      #expect(rotated.status == 1)
      #expect(rotated.standardOutput.contains("a gatehouse runs, and serves nothing of this name"))
    }
    #expect(current == "v0003")
  }

  @Test func `where nothing runs, it is served from the next start on`() throws {
    let rotated = try cert("rotate", "shop.test", "--json")
    #expect(rotated.status == 0)
    let facts = try #require(
      JSONSerialization.jsonObject(with: Data(rotated.standardOutput.utf8)) as? [String: Any])
    #expect(facts["ending"] as? String == "current")
    #expect((facts["serving"] as? [String: Any])?["answer"] as? String == "not-running")
    #expect((facts["gates"] as? [Any])?.count == 22)
  }

  @Test func `an import that a gate stops says which, and exits with 2`() throws {
    let key = "\(certs)/shop.test/v0001/key.pem"
    let chain = "\(certs)/shop.test/v0001/fullchain.pem"
    try gatehouse("cert", "dev", "other.test", "--dir", certs)
    let wrong = try cert(
      "import", "shop.test", "--chain", chain, "--key", "\(certs)/other.test/v0001/key.pem")
    #expect(wrong.status == 2)
    #expect(wrong.standardError.contains("stopped at the gates, nothing was changed"))
    #expect(wrong.standardError.contains("\n  key-matches: the private key does not belong"))
    let again = try cert("import", "shop.test", "--chain", chain, "--key", key)
    #expect(again.status == 0)
    #expect(again.standardOutput.hasPrefix("v0001 is this certificate already"))
    #expect(current == "v0001")
  }

  @Test func `list and show say what there is`() throws {
    #expect(try cert("rotate", "shop.test").status == 0)
    try gatehouse("cert", "dev", "shop.test", "--key", "rsa-2048", "--dir", certs)
    let list = try gatehouse("cert", "list", "--dir", certs)
    let lines = list.standardOutput.split(separator: "\n").map { line in
      line.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
    }
    #expect(lines.map(\.first) == ["NAME", "shop.test", "shop.test.rsa"])
    #expect(
      lines.map { Array($0.suffix(3)) } == [
        ["RENEWS", "VER", "STATE"], ["manual", "v0002", "ok"], ["manual", "v0001", "ok"],
      ])
    #expect(lines.map { $0[1] } == ["KEY", "ecdsa-p256", "rsa-2048"])
    let show = try gatehouse("cert", "show", "shop.test", "--dir", certs).standardOutput
    #expect(show.contains("\nv0001    retired  development"))
    let pem = try gatehouse("cert", "show", "shop.test", "--pem", "--version", "1", "--dir", certs)
    #expect(
      pem.standardOutput
        == (try String(contentsOfFile: "\(certs)/shop.test/v0001/fullchain.pem", encoding: .utf8)))
  }

  @Test func `a compromised key is rotated away and never comes back`() throws {
    let rotated = try cert("rotate", "shop.test", "--reason", "compromise")
    #expect(rotated.status == 0)
    #expect(
      rotated.standardOutput.contains("v0001 is quarantined, and its key never serves here again"))
    let back = try cert("rollback", "shop.test", "--to", "1", "--force")
    #expect(back.status == 2)
    #expect(back.standardError.contains("not-compromised: "))
  }
}

/// What a configuration says of its certificates, and what a server shows.
extension CertCommandTests {
  @Test func `the configuration names the folder, and the names that must stay`() throws {
    try run(Place.gatehouse, ["cert", "dev", "api.test", "--dir", certs])
    let file = try folder.write(
      "gatehouse.yaml",
      """
      listeners:
        https: { bind: "127.0.0.1:8443", certificates: certs/ }
      backends:
        web: { servers: { s1: { address: "127.0.0.1:9001" } } }
      routes:
        - { host: shop.test, backend: web }
      admin: { socket: nowhere.sock }
      """)
    let other = "\(certs)/api.test/current"
    let arguments = [
      "cert", "import", "shop.test", "--chain", "\(other)/fullchain.pem", "--key",
      "\(other)/key.pem",
    ]
    let refused = try run(Place.gatehouse, arguments + ["-c", file])
    #expect(refused.status == 2)
    #expect(refused.standardError.contains("names-cover: it does not cover shop.test"))
    // Without the routes it is the administrator's choice, and a warning.
    let warned = try run(Place.gatehouse, arguments + ["--dir", certs, "--socket", "nowhere"])
    #expect(warned.status == 1)
    #expect(warned.standardOutput.contains("names-cover: it no longer covers shop.test"))
  }

  @Test func `files and stored names are checked, gate by gate`() throws {
    let chain = "\(certs)/shop.test/current/fullchain.pem"
    func check(_ arguments: String...) throws -> Output {
      try run(Place.gatehouse, ["cert", "check"] + arguments + ["--dir", certs])
    }
    let stored = try check("shop.test")
    #expect(stored.status == 0)
    #expect(
      stored.standardOutput.hasPrefix("shop.test: gates 22/22\nGATE             RESULT  WHAT"))
    #expect(stored.standardOutput.split(separator: "\n").count == 24)
    let bare = try check(chain)
    #expect(bare.status == 0 && bare.standardOutput.hasPrefix("\(chain): gates 19/19\n"))
    let names = try check(chain, "--names", "shop.test,other.test")
    #expect(names.status == 2 && names.standardOutput.contains("does not cover other.test"))
    let wrong = try check(chain, "--key", "\(certs)/.authority/ca.key", "--json")
    #expect(wrong.status == 2 && wrong.standardOutput.contains("\"key-matches\""))
    let nobody = try check("127.0.0.1:1")
    #expect(nobody.status == 2 && nobody.standardError.contains("cannot connect"))
    let nothing = try check("nothing.test")
    #expect(nothing.status == 2)
    #expect(
      nothing.standardError.contains(
        "\"nothing.test\" is no file, not HOST:PORT, and no certificate in"))
    #expect(nothing.standardError.contains("there are: shop.test"))
  }

  @Test func `a private authority signs, revokes and says so`() throws {
    let ca = folder.url.appendingPathComponent("ca").path
    func ask(_ arguments: String...) throws -> Output {
      try run(Place.gatehouse, ["ca"] + arguments + ["--dir", ca])
    }
    #expect(try ask("init", "staff").status == 0)
    #expect(try ask("init", "staff").status == 2)
    let out = folder.url.appendingPathComponent("alice").path
    let signed = try ask("sign", "staff", "--for", "alice@example.com", "--out", out)
    #expect(signed.status == 0)
    #expect(signed.standardOutput.contains("(shown once, kept nowhere)"))
    let verify = [
      "verify", "-crl_check", "-CAfile", "\(ca)/staff/ca.pem", "-CRLfile", "\(ca)/staff/crl.pem",
      "\(out)/cert.pem",
    ]
    #expect(try run("openssl", verify).status == 0)
    let list = try ask("crl", "staff", "--revoke", "\(out)/cert.pem", "--reason", "compromise")
    #expect(list.status == 0)
    #expect(list.standardOutput.hasPrefix("list 2 of staff, 1 of 1 revoked, good for 30 days: "))
    #expect(list.standardOutput.hasSuffix("compromise\n"))
    #expect(try run("openssl", verify).status != 0)
    let files = try treeOf(ca)
    for words in [
      ["init", "other"], ["sign", "staff", "--for", "bob@example.com"],
      ["sign", "staff", "--server", "--for", "db.test", "--key", "rsa-2048"], ["crl", "staff"],
    ] {
      for form in [[], ["--json"]] {
        let tried = try run(
          Place.gatehouse, ["ca"] + words + form + ["--dry-run", "--dir", ca])
        #expect(tried.status == 0, "\(tried.standardError)")
        #expect(!form.isEmpty || tried.standardOutput.contains("nothing was changed"))
      }
    }
    #expect(
      try ask("crl", "staff", "--dry-run").standardOutput.hasPrefix(
        "list 3 of staff, 1 of 1 revoked"))
    #expect(try ask("init", "staff", "--dry-run").status == 2)
    #expect(try treeOf(ca) == files)
    #expect(
      try ask("sign", "nobody", "--for", "a@b.test").standardError.contains("there are: staff"))
  }

  /// All files below, with their content.
  private func treeOf(_ path: String) throws -> String {
    try run("sh", ["-c", "find \(path) | sort; find \(path) -type f | sort | xargs sha256sum"])
      .standardOutput
  }

  @Test func `what is only tried changes nothing, and asks no issuer`() throws {
    let ca = folder.url.appendingPathComponent("ca").path
    let out = folder.url.appendingPathComponent("db").path
    try gatehouse("ca", "init", "own", "--dir", ca)
    try gatehouse("ca", "sign", "own", "--server", "--for", "db.test", "--dir", ca, "--out", out)
    let made = try gatehouse(
      "cert", "import", "db.test", "--chain", "\(out)/cert.pem", "--key", "\(out)/key.pem",
      "--dir", certs)
    try #require(made.status <= 1, "\(made.standardError)")
    let before = try treeOf(folder.url.path)
    let dry = ["--dry-run", "--dir", certs]
    let signed = try run(
      Place.gatehouse, ["cert", "rotate", "db.test", "--ca-dir", ca] + dry)
    #expect(signed.status == 0, "\(signed.standardError)")
    #expect(signed.standardOutput.contains("would ask authority own for a new key's certificate"))
    let own = try run(Place.gatehouse, ["cert", "rotate", "shop.test"] + dry)
    #expect(own.status == 0 && own.standardOutput.contains("v0002 would become current"))
    let gone = try run(Place.gatehouse, ["cert", "rotate", "db.test", "--ca-dir", "none"] + dry)
    #expect(gone.status == 2 && gone.standardError.contains("is not in none"))
    let dev = try run(Place.gatehouse, ["cert", "dev", "new.test"] + dry)
    #expect(dev.status == 0 && dev.standardOutput.hasPrefix("gates 22/22 · v0001 would become"))
    let revoked = try run(
      Place.gatehouse, ["cert", "revoke", "shop.test", "--version", "1"] + dry)
    #expect(revoked.standardOutput.contains("shop.test v0001 would be quarantined"))
    let elsewhere = try run(
      Place.gatehouse,
      ["cert", "dev", "new.test", "--dry-run", "--dir", folder.url.path + "/elsewhere"])
    #expect(elsewhere.status == 0 && elsewhere.standardOutput.hasPrefix("gates 22/22"))
    #expect(try treeOf(folder.url.path) == before)
  }

  @Test(.enabled(if: getuid() == 0, "needs root: becomes another user"))
  func `root: who may not read a file is told so, and writes nothing`() throws {
    let new = try run(
      Place.gatehouse, ["cert", "dev", "other.test", "--dir", "\(certs)/../elsewhere"])
    try #require(new.status == 0)
    let other = "\(certs)/../elsewhere/other.test/current"
    // The program may stand where another user may not go.
    let copy = "\(certs)/../gatehouse"
    try FileManager.default.copyItem(atPath: Place.gatehouse, toPath: copy)
    let refused = try run(
      "setpriv",
      [
        "--reuid=65534", "--clear-groups", copy, "cert", "check", "\(other)/fullchain.pem", "--key",
        "\(other)/key.pem", "--dir", certs,
      ])
    #expect(refused.status == 2, "\(refused.standardError)")
    #expect(refused.standardOutput.contains("readable  failed"))
    #expect(refused.standardOutput.contains("cannot read: Permission denied"))
    let rotated = try run(
      "setpriv",
      ["--reuid=65534", "--clear-groups", copy, "cert", "rotate", "shop.test", "--dir", certs])
    #expect(rotated.status == 2)
    #expect(rotated.standardError.contains("Permission denied"))
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: "\(certs)/shop.test/current")
        == "v0001")
  }
}
