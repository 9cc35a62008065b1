import Testing

@testable import Proxy

/// Which names of a client's certificate an entry of `allow` lets in.
struct ClientNamesTests {
  @Test(arguments: [
    // A mail address: its domain in either case, what stands before it as it stands.
    ("alice@example.com", "alice@EXAMPLE.com", true),
    ("alice@example.com", "Alice@example.com", false),
    ("alice@example.com", "alice@sub.example.com", false),
    ("alice@example.com", "example.com", false),
    ("a@b@example.com", "b@example.com", false),
    // A DNS name: either case, one label for the wildcard.
    ("Host.Staff.Test", "host.staff.test", true), ("a.staff.test", "*.staff.test", true),
    ("A.STAFF.test", "*.Staff.Test", true), ("b.a.staff.test", "*.staff.test", false),
    ("staff.test", "*.staff.test", false), (".staff.test", "*.staff.test", false),
    ("*.staff.test", "*.staff.test", false), ("*.staff.test", "a.staff.test", false),
    ("xn--bcher-kva.test", "XN--bcher-kva.test", true), ("a.test", "b.test", false),
    // A URI: byte for byte, and no DNS name though it ends like one.
    ("spiffe://example.com/web", "spiffe://example.com/web", true),
    ("spiffe://example.com/web", "spiffe://example.com/Web", false),
    ("spiffe://Example.com/web", "spiffe://example.com/web", false),
    ("spiffe://example.com/web", "spiffe://example.com/web/", false),
    ("https://a.staff.test", "*.staff.test", false),
    ("https://a.staff.test", "https://*.staff.test", false),
    ("urn:uuid:1", "urn:uuid:1", true), ("mailto:a@b.test", "a@b.test", false),
  ]) func `a name is matched by its own kind only`(_ name: String, _ wanted: String, _ is: Bool) {
    #expect(ClientNames([name]).match(wanted) == `is`)
  }
}
