import Foundation
import Glibc
import Testing

/// What lies under certs/ and is none, or is one too many: nothing hangs, nothing stops the others.
@Suite struct CertificateOddityTests {
  private struct Status: Decodable {
    struct Certificate: Decodable {
      let name, state: String
      let problems, warnings: [String]
    }
    let certificates: [Certificate]
  }

  private func gate(_ edit: (String) -> String = { $0 }) throws -> Gate {
    try Gate([.named("s1")], edit: { edit($0.replacing("workers: 1", with: "workers: 2")) })
  }

  private func status(_ gate: Gate) throws -> [String: Status.Certificate] {
    let told = try gate.command("status", "--json", "--socket", gate.socket)
    let status = try JSONDecoder().decode(Status.self, from: Data(told.standardOutput.utf8))
    return Dictionary(
      status.certificates.map { ($0.name, $0) }, uniquingKeysWith: { one, _ in one })
  }

  private func certs(_ gate: Gate) -> String {
    gate.folder.url.appendingPathComponent("certs").path
  }

  /// `NAME.pem`, signed by itself, with this key and these names.
  private func make(_ name: String, for names: String, key: String, in gate: Gate) throws {
    let pem = "\(certs(gate))/\(name).pem"
    let new = gate.folder.url.appendingPathComponent("new").path
    let made = try run(
      "sh",
      [
        "-c",
        "umask 077; openssl req -x509 \(key) -nodes -days 30 -subj /CN=\(name) -addext "
          + "subjectAltName=\(names) -addext basicConstraints=critical,CA:FALSE -addext "
          + "extendedKeyUsage=serverAuth -keyout \(new).key -out \(new).crt && "
          + "cat \(new).crt \(new).key > \(new) && mv \(new) \(pem)",
      ])
    guard made.status == 0 else { throw Gate.Failure(text: made.standardError) }
  }

  private static let elliptic = "-newkey ec -pkeyopt ec_paramgen_curve:P-256"

  /// SHA-256 of what is served; nil without a handshake.
  private func served(_ gate: Gate, _ name: String, _ options: String...) throws -> String? {
    let shown = try run(
      "openssl",
      ["s_client", "-connect", "127.0.0.1:\(gate.https)", "-servername", name] + options,
      input: Data(), seconds: 20)
    guard shown.standardOutput.contains("BEGIN CERTIFICATE") else { return nil }
    return try fingerprint(["-noout"], Data(shown.standardOutput.utf8))
  }

  private func leaf(_ gate: Gate, _ name: String) throws -> String {
    try fingerprint(["-noout", "-in", "\(certs(gate))/\(name).pem"], Data())
  }

  private func fingerprint(_ options: [String], _ input: Data) throws -> String {
    try run("openssl", ["x509", "-fingerprint", "-sha256"] + options, input: input).standardOutput
  }

  /// Things that are no certificate, by the name they are told of under, with a part of what is said.
  private static let oddities: [(name: String, make: String, says: String)] = [
    ("folder", "mkdir folder.pem", "is a folder"),
    ("deep", "mkdir -p deep.crt/deeper", "is a folder"),
    ("pipe", "mkfifo pipe.pem", "is a pipe"),
    ("keypipe", "cp site.crt keypipe.crt; mkfifo keypipe.key", "is a pipe"),
    (
      "socket", "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"socket.pem\")'",
      "is a socket"
    ),
    ("loop", "ln -s loop.pem loop.pem", "Too many levels"),
    ("dangling", "ln -s nowhere dangling.pem", "No such file"),
    ("zero", "ln -s /dev/zero zero.pem", "is a device"),
    ("big", "truncate -s 1G big.pem", "larger than 1 MiB"),
    ("bytes", "head -c 300000 /dev/urandom > bytes.pem", "no certificate"),
    ("circle", "mkdir circle; ln -s current circle/current", "Too many levels"),
    ("gone", "mkdir gone; ln -s v0009 gone/current", "No such file"),
    ("file", "mkdir file; echo x > file/current", "Not a directory"),
    (
      "pipes",
      "mkdir -p pipes/v0001; ln -s v0001 pipes/current; "
        + "mkfifo pipes/v0001/fullchain.pem pipes/v0001/key.pem", "is a pipe"
    ),
    ("keyless", "cp site.crt keyless.crt", "No such file"),
    (
      "line\n2026-01-01T00:00:00Z error forged",
      "echo > \"$(printf 'line\\n2026-01-01T00:00:00Z error forged.pem')\"",
      "no certificate"
    ),
    ("red\u{1b}[31m", "echo > \"$(printf 'red\\033[31m.pem')\"", "no certificate"),
  ]

  @Test func `odd things are told of one by one, and stop nothing`() throws {
    let gate = try gate()
    let script =
      "cd \(certs(gate)) && "
      + Self.oddities.map { "{ \($0.make); }" }
      .joined(separator: " && ") + " && mkdir plain && ln -s .. up"
    let made = try run("bash", ["-c", script])
    try #require(made.status == 0, "\(made.standardError)")
    try make("fresh", for: "DNS:fresh.test", key: Self.elliptic, in: gate)
    #expect(try gate.waits { try served(gate, "fresh.test") != nil })
    #expect(try served(gate, "www.test") != nil)
    #expect(try gate.waits { try status(gate)["red\u{1b}[31m"] != nil })
    try expectAll(try status(gate))
    let list = try gate.command("cert", "list", "--dir", certs(gate))
    #expect(list.status == 2)
    #expect(!list.standardOutput.contains("\u{1b}"))
    #expect(list.standardOutput.split(separator: "\n").count == Self.oddities.count + 3)
    let lines = gate.log.split(separator: "\n")
    #expect(!gate.log.contains("\u{1b}"))
    #expect(!lines.contains { $0.hasPrefix("2026-01-01T00:00:00Z error forged") })
    // Nor do they stop a start, or the start of the rest.
    try gate.restart()
    try expectAll(try status(gate))
    #expect(try served(gate, "www.test") != nil)
    #expect(try served(gate, "fresh.test") != nil)
  }

  private func expectAll(_ all: [String: Status.Certificate]) throws {
    for odd in Self.oddities {
      let told = try #require(all[odd.name], "\(odd.name)")
      #expect(told.state == "refused")
      #expect(told.problems.first?.contains(odd.says) == true, "\(odd.name): \(told.problems)")
    }
    #expect(all["site"]?.state == "ok" && all["fresh"]?.state == "ok" && all["plain"] == nil)
  }

  @Test func `thousands of files that are none stop nothing`() throws {
    let gate = try gate()
    let script = "cd \(certs(gate)) && for i in $(seq 5000); do echo > junk$i.pem; done"
    #expect(try run("bash", ["-c", script]).status == 0)
    try make("fresh", for: "DNS:fresh.test", key: Self.elliptic, in: gate)
    var isServed = false
    for _ in 0..<900 where !isServed {
      isServed = try served(gate, "fresh.test") != nil
      if !isServed { usleep(100_000) }
    }
    #expect(isServed)
    #expect(try status(gate).values.count { $0.state == "refused" } == 5_000)
  }

  @Test func `a store whose links a copy has made folders is served still`() throws {
    let gate = try gate()
    let made = try run(
      "sh",
      [
        "-c",
        "\(Place.gatehouse) cert dev copied.test --dir \(gate.folder.url.path)/store && "
          + "cp -rL \(gate.folder.url.path)/store/copied.test \(certs(gate))/",
      ])
    try #require(made.status == 0, "\(made.standardError)")
    #expect(try gate.waits { try served(gate, "copied.test") != nil })
    #expect(try status(gate)["copied.test"]?.state == "ok")
  }

  // MARK: Two of one name

  @Test func `of two that bear one name the first serves, and both are told of`() throws {
    let gate = try gate()
    try make("b", for: "DNS:two.test,DNS:b.test", key: Self.elliptic, in: gate)
    #expect(try gate.waits { try served(gate, "two.test") != nil })
    try make("a", for: "DNS:two.test", key: Self.elliptic, in: gate)
    let (a, b) = (try leaf(gate, "a"), try leaf(gate, "b"))
    #expect(try gate.waits { try served(gate, "two.test") == a })
    func expectBoth() throws {
      for _ in 0..<6 { #expect(try served(gate, "two.test") == a) }
      #expect(try served(gate, "b.test") == b)
      let all = try status(gate)
      #expect(
        all["b"]?.warnings.contains {
          $0.contains("two.test: served by certificate \"a\"") && $0.contains("\"b\"")
        } == true)
      #expect(
        all["a"]?.warnings.contains {
          $0.contains("served by this one, \"a\"; certificate \"b\" bears it, too")
        } == true)
    }
    try expectBoth()
    #expect(gate.waitForLog("certificate \"b\" of listener https: names: two.test: served by"))
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    try expectBoth()
    try gate.restart()
    try expectBoth()
    #expect(gate.log.contains("two.test: served by certificate \"a\""))
    for name in ["a", "b"] {
      let checked = try gate.command("cert", "check", name, "--dir", certs(gate))
      #expect(checked.status == 1)
      #expect(checked.standardOutput.contains("names            warning"))
      #expect(checked.standardOutput.contains("\"a\"") && checked.standardOutput.contains("\"b\""))
    }
    #expect(
      try gate.command("check", "-c", gate.path).standardOutput.contains(
        "served by this one, \"a\""))
    // With the other kind of key it is a pair, and nothing to be warned of.
    try make("a", for: "DNS:two.test", key: "-newkey rsa:2048", in: gate)
    let rsa = try leaf(gate, "a")
    #expect(
      try gate.waits { try served(gate, "two.test", "-sigalgs", "rsa_pss_rsae_sha256") == rsa })
    #expect(try served(gate, "two.test", "-sigalgs", "ECDSA+SHA256") == b)
    #expect(try status(gate)["a"]?.warnings == [] && status(gate)["b"]?.warnings == [])
    #expect(try gate.command("cert", "check", "b", "--dir", certs(gate)).status == 0)
  }

  @Test func `rotating one whose names others serve says so`() throws {
    let gate = try gate()
    for name in ["one", "two"] {
      let made = try gate.command(
        "cert", "import", name, "--chain", "\(certs(gate))/site.crt", "--key",
        "\(certs(gate))/site.key", "--dir", certs(gate), "--socket", gate.socket)
      // "one" comes before "site", and "two" after it.
      #expect(made.status == (name == "one" ? 0 : 1), "\(made.standardOutput)\(made.standardError)")
      #expect(
        made.standardOutput.contains("serves all its names by other certificates")
          == (name == "two"))
    }
  }

  @Test func `a default whose names another serves is the default still`() throws {
    let gate = try gate()
    try make("aaa", for: "DNS:www.test,DNS:*.wild.test,IP:127.0.0.1", key: Self.elliptic, in: gate)
    try gate.rewrite {
      $0.replacing("certificates: certs", with: "certificates: certs, default_certificate: site")
    }
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    for _ in 0..<4 {
      #expect(try served(gate, "nobody.test") == fingerprint(["-noout", "-in", gate.ca], Data()))
      #expect(try served(gate, "www.test") == leaf(gate, "aaa"))
    }
  }

  // MARK: Keys that few clients know

  @Test(arguments: [
    ("ed448", "-newkey ed448", "ed448"), ("ed25519", "-newkey ed25519", "ed25519"),
    ("pss", "-newkey rsa-pss -pkeyopt rsa_keygen_bits:2048", "rsa_pss_pss_sha256"),
    (
      "pss384",
      "-newkey rsa-pss -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_pss_keygen_md:sha384 "
        + "-pkeyopt rsa_pss_keygen_mgf1_md:sha384 -pkeyopt rsa_pss_keygen_saltlen:48 -sha384",
      "rsa_pss_pss_sha384"
    ),
  ]) func `rare keys are served to who offers them, beside a common one`(
    _ name: String, _ key: String, _ scheme: String
  ) throws {
    let gate = try gate()
    try make(name, for: "DNS:rare.test", key: key, in: gate)
    try make("common", for: "DNS:rare.test", key: Self.elliptic, in: gate)
    let (rare, common) = (try leaf(gate, name), try leaf(gate, "common"))
    #expect(try gate.waits { try served(gate, "rare.test", "-sigalgs", scheme) == rare })
    #expect(
      try gate.waits {
        try served(gate, "rare.test", "-sigalgs", "ecdsa_secp256r1_sha256") == common
      })
    let all = try status(gate)
    #expect(all[name]?.state == "ok" && all["common"]?.state == "ok")
    #expect(all[name]?.warnings.contains { $0.contains("which no browser does") } == true)
    let stored = try gate.command(
      "cert", "import", "kept", "--chain", "\(certs(gate))/\(name).pem", "--key",
      "\(certs(gate))/\(name).pem", "--dir", gate.folder.url.path + "/other", "--socket", "none",
      "--dry-run")
    #expect(stored.status == 1 && stored.standardOutput.contains("key-size: "))
    let checked = try gate.command(
      "cert", "check", "127.0.0.1:\(gate.https)", "--names", "rare.test", "--dir", certs(gate))
    #expect(checked.status <= 1, "\(checked.standardError)")
  }
}
