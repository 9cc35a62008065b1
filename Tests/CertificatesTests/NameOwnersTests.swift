import Foundation
import Testing

@testable import Certificates

/// Who serves a name that two certificates bear.
struct NameOwnersTests {
  private func bearer(
    _ certificate: String, _ names: String..., key: String = "ecdsa-p256", days: Double = 30
  ) -> NameOwners.Bearer {
    .init(
      certificate: certificate, names: names.compactMap { ServerName($0) }, keyType: key,
      notAfter: Date() + days * 86_400)
  }

  @Test func `the first by its name serves, and both are told of`() {
    let owners = NameOwners([bearer("a", "shop.test"), bearer("b", "shop.test", "b.test")])
    #expect(
      owners.warnings(of: "a") == [
        "shop.test: served by this one, \"a\"; certificate \"b\" bears it, too, and is not shown "
          + "there: keep one"
      ])
    #expect(
      owners.warnings(of: "b") == [
        "shop.test: served by certificate \"a\", which bears it, too, since it comes first by its "
          + "name; this one, \"b\", is not shown there: keep one"
      ])
    #expect(!owners.isHidden("a") && !owners.isHidden("b"))
  }

  @Test func `one that has expired comes last`() {
    let owners = NameOwners([bearer("a", "shop.test", days: -1), bearer("b", "shop.test")])
    #expect(owners.isHidden("a") && !owners.isHidden("b"))
    #expect(owners.warnings(of: "a").first?.contains("since this one has expired") == true)
  }

  @Test(arguments: [
    ("rsa-2048", "ecdsa-p256", false), ("rsa-2048", "rsa-4096", true),
    ("ecdsa-p384", "ecdsa-p256", true), ("rsa-pss-2048", "rsa-2048", false),
    ("ed25519", "ed448", false), ("ed25519", "ed25519", true),
  ]) func `keys of different kinds stand side by side`(_ one: String, _ other: String, _ is: Bool) {
    let owners = NameOwners([
      bearer("a", "shop.test", key: one), bearer("b", "shop.test", key: other),
    ])
    #expect(owners.isHidden("b") == `is`)
    #expect(owners.warnings(of: "a").isEmpty == !`is`)
  }

  @Test func `a wildcard and an exact name are two names`() {
    let owners = NameOwners([bearer("a", "*.test"), bearer("b", "shop.test")])
    #expect(owners.warnings(of: "a").isEmpty && owners.warnings(of: "b").isEmpty)
  }

  @Test func `what there is to say has an end`() {
    let many = (0..<50).map { bearer("c\(100 + $0)", "shop.test", "a.test", "b.test", "c.test") }
    let owners = NameOwners(many)
    let said = owners.warnings(of: "c100")
    #expect(said.count == 4 && said.last == "46 more certificates share names with this one")
    #expect(said[0].hasPrefix("shop.test, a.test, b.test and 1 more: served by this one"))
  }
}
