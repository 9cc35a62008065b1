import Foundation
import Testing

@testable import Certificates

/// Against a real Pebble: strict, with every fifth nonce refused.
struct IssuanceTests {
  @Test func `a certificate proven over HTTP is staged and serves nothing yet`() throws {
    let shop = try Shop()
    let planned = shop.planned("shop.test", "www.shop.test")
    let issuance = shop.issuance(of: planned)
    #expect(issuance.due() == [planned])
    let staged = try issuance.issue(planned)
    #expect(staged.map(\.name) == ["v0001"])
    #expect(try shop.store.list().allSatisfy { !$0.isServing })
    let wait = try #require(issuance.outlook().first?.nextAttempt).timeIntervalSinceNow
    #expect((50...60).contains(wait), "\(wait)")
    #expect(issuance.due() == [])
    for version in staged { try shop.store.activate(version) }
    try issuance.served(planned)
    #expect(try shop.bundle().names == planned.names)
    #expect(try shop.store.certificate(named: "shop.test").record()?.source == .acme)
    #expect(issuance.due() == [])
    #expect(issuance.outlook().first?.failures == 0)
    #expect(shop.pebble.responder.published.isEmpty)
  }

  @Test func `a certificate is proven by a certificate over TLS`() throws {
    let shop = try Shop()
    let planned = shop.planned("shop.test", "api.shop.test") { $0.challenge = .tlsALPN01 }
    try shop.serve(planned, by: shop.issuance(of: planned))
    #expect(try shop.bundle().names == planned.names)
    #expect(shop.pebble.responder.published.isEmpty)
  }

  @Test func `RSA and ECDSA lie beside each other, in folders of their own`() throws {
    let shop = try Shop()
    let planned = shop.planned("shop.test") { $0.keys = [.ecdsaP384, .rsa2048] }
    let staged = try shop.serve(planned, by: shop.issuance(of: planned))
    #expect(staged.map(\.certificate) == ["shop.test", "shop.test.rsa"])
    #expect(try shop.bundle("shop.test").keyType == "ecdsa-p384")
    #expect(try shop.bundle("shop.test.rsa").keyType == "rsa-2048")
  }

  @Test func `a key is kept when that is asked for, else it is a new one`() throws {
    let shop = try Shop()
    let keeping = shop.planned("shop.test") { $0.reusesKey = true }
    try shop.serve(keeping, by: shop.issuance(of: keeping))
    let first = try shop.bundle().publicKeySHA256
    try shop.serve(keeping, by: shop.issuance(of: keeping))
    #expect(try shop.bundle().publicKeySHA256 == first)
    let changing = shop.planned("shop.test")
    try shop.serve(changing, by: shop.issuance(of: changing))
    #expect(try shop.bundle().publicKeySHA256 != first)
    #expect(try shop.store.certificate(named: "shop.test").version == 3)
  }

  @Test func `the account is made once, kept with its key, and found again`() throws {
    let shop = try Shop()
    let planned = shop.planned("shop.test")
    try shop.serve(planned, by: shop.issuance(of: planned))
    let folder = AccountFolder(in: shop.store.directory, directory: shop.pebble.directory)
    let record = try #require(folder.record())
    #expect(record.email == "admin@shop.test")
    #expect(try shop.workshop.mode(relative(folder.path + "/account.key", shop)) == 0o600)
    #expect(try shop.workshop.mode(relative(folder.path, shop)) == 0o700)
    #expect(try shop.workshop.mode("certs/.acme") == 0o700)
    // Without its record, the authority finds it by its key.
    try FileManager.default.removeItem(atPath: folder.path + "/account.json")
    try shop.serve(planned, by: shop.issuance(of: planned))
    #expect(folder.record()?.url == record.url)
    // An account the authority has forgotten is made anew.
    try folder.write(folder.newRecord(url: record.url + "0", email: record.email))
    try shop.serve(planned, by: shop.issuance(of: planned))
    #expect(folder.record()?.url == record.url)
    // A new address is told.
    var authority = shop.pebble.authority()
    authority.email = "other@shop.test"
    try shop.serve(planned, by: shop.issuance(of: planned, from: [authority]))
    #expect(folder.record()?.email == "other@shop.test")
    #expect(shop.log.filter { $0.contains("the account is") }.count == 3)
  }

  @Test func `a damaged or open account key is refused and never replaced`() throws {
    let shop = try Shop()
    let planned = shop.planned("shop.test")
    try shop.serve(planned, by: shop.issuance(of: planned))
    let path = AccountFolder(in: shop.store.directory, directory: shop.pebble.directory).path
    let key = path + "/account.key"
    unsafe chmod(key, 0o644)
    let open = shop.refusal { _ = try shop.issuance(of: planned).issue(planned) }
    #expect(open.contains("chmod 600 \(key)"), "\(open)")
    try Data("garbage".utf8).write(to: URL(fileURLWithPath: key))
    unsafe chmod(key, 0o600)
    let damaged = shop.refusal { _ = try shop.issuance(of: planned).issue(planned) }
    #expect(damaged.contains("no readable private key"), "\(damaged)")
    #expect(try String(contentsOfFile: key, encoding: .utf8) == "garbage")
  }

  @Test func `an account is bound to one made elsewhere, and without that it says what to do`()
    throws
  {
    var options = Pebble.Options()
    options.externalAccount = (
      "kid-7", Base64URL.text(Array("a key of thirty-two bytes, just so".utf8))
    )
    let shop = try Shop(options)
    let planned = shop.planned("shop.test")
    let without = shop.refusal { _ = try shop.issuance(of: planned).issue(planned) }
    #expect(without.contains("external account"), "\(without)")
    #expect(without.contains("externalAccountRequired"), "\(without)")
    try shop.workshop.write((options.externalAccount?.macKey ?? "") + "\n", to: "mac.key")
    let path = shop.workshop.path("mac.key")
    var authority = shop.pebble.authority()
    authority.externalAccount = .init(keyID: "kid-7", keyPath: path)
    unsafe chmod(path, 0o644)
    let open = shop.refusal { _ = try shop.issuance(of: planned, from: [authority]).issue(planned) }
    #expect(open.contains("chmod 600 \(path)"), "\(open)")
    unsafe chmod(path, 0o600)
    try shop.serve(planned, by: shop.issuance(of: planned, from: [authority]))
    #expect(try shop.bundle().names == planned.names)
  }

  @Test func `when the first authority is dead the second one signs`() throws {
    let shop = try Shop()
    var dead = shop.pebble.authority("dead")
    dead.directory = "https://127.0.0.1:\(try freePort())/dir"
    let planned = shop.planned("shop.test") { $0.authorities = ["dead", "nowhere", "pebble"] }
    let issuance = shop.issuance(of: planned, from: [dead, shop.pebble.authority()])
    try shop.serve(planned, by: issuance)
    #expect(issuance.outlook().first?.authority == "pebble")
    #expect(shop.log.contains { $0.contains("not from dead") && $0.contains("refused") })
    #expect(shop.log.contains { $0.contains("no authority is called nowhere; there are: dead, ") })
  }

  @Test func `an authority that is not trusted is not spoken to`() throws {
    let shop = try Shop()
    var authority = shop.pebble.authority()
    authority.trustPath = nil
    let planned = shop.planned("shop.test")
    let words = shop.refusal {
      _ = try shop.issuance(of: planned, from: [authority]).issue(planned)
    }
    #expect(words.contains("is not to be trusted: self-signed certificate"), "\(words)")
    authority.trustPath = shop.pebble.trustPath
    authority.directory = "https://localhost:\(shop.pebble.port)/dir"
    try shop.serve(planned, by: shop.issuance(of: planned, from: [authority]))
  }

  @Test func `the chain with the preferred issuer is taken where there is one`() throws {
    var options = Pebble.Options()
    options.alternateRoots = 2
    let shop = try Shop(options)
    let planned = shop.planned("shop.test")
    var authority = shop.pebble.authority()
    authority.preferredChain = "no such root"
    try shop.serve(planned, by: shop.issuance(of: planned, from: [authority]))
    let line = try #require(
      shop.log.last { $0.contains("no chain of pebble ends at no such root") })
    let roots = try #require(line.components(separatedBy: "there are: ").last)
      .components(separatedBy: ", ")
    #expect(Set(roots).count == 3, "\(line)")
    for root in roots {
      authority.preferredChain = root
      try shop.serve(planned, by: shop.issuance(of: planned, from: [authority]))
      #expect(try shop.bundle().chain.last?.issuer == "CN=\(root)")
    }
  }

  @Test func `an address is a name, too`() throws {
    let shop = try Shop()
    let planned = shop.planned("127.0.0.1", "shop.test")
    try shop.serve(planned, by: shop.issuance(of: planned))
    #expect(Set(try shop.bundle().names) == Set(planned.names))
    let overTLS = shop.planned("127.0.0.1") { $0.challenge = .tlsALPN01 }
    try shop.serve(overTLS, by: shop.issuance(of: overTLS))
    #expect(try shop.bundle().names == overTLS.names)
  }

  @Test func `several at once share one account and lose nothing`() async throws {
    let shop = try Shop()
    let names = (0..<6).map { "host\($0).test" }
    let all = names.map { name in
      PlannedCertificate(name: name, names: [.dns(name)], authorities: ["pebble"])
    }
    let issuance = shop.issuance(of: all[0])
    try await withThrowingTaskGroup { group in
      for planned in all { group.addTask { _ = try issuance.issue(planned) } }
      try await group.waitForAll()
    }
    let state = issuance.file.read()
    #expect(Set(state.attempts.keys) == Set(names) && Set(state.origins.keys) == Set(names))
    #expect(Set(shop.log.filter { $0.contains("the account is") }).count == 1)
    for name in names {
      #expect(FileManager.default.fileExists(atPath: "\(shop.store.directory)/\(name)/v0001"))
    }
  }

  private func relative(_ path: String, _ shop: Shop) -> String {
    String(path.dropFirst(shop.workshop.folder.count + 1))
  }
}
