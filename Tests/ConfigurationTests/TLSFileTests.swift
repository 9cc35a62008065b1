import Certificates
import Configuration
import Foundation
import Proxy
import Testing

/// What `client_auth`, `hsts` and `acme` become, and what is wrong with them.
struct TLSFileTests {
  private let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.writeCertificate("www")
    try folder.write("ca.pem", Folder.chain)
    try folder.write("ca.crl", "-----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----\n")
  }

  private func load(_ text: String) throws -> LoadedConfiguration {
    try ConfigurationFile.load(try folder.write("g.yaml", text))
  }

  private func errors(_ text: String) throws -> [String] {
    let path = try folder.write("g.yaml", text)
    do throws(ConfigurationErrors) {
      _ = try ConfigurationFile.load(path)
      return []
    } catch { return error.lines.map { $0.replacing(folder.path + "/", with: "") } }
  }

  private static let https = """
    listeners:
      a:
        bind: ":443"
        certificates: certs
        tls:

    """

  @Test func `a listener and its hosts ask for certificates`() throws {
    let loaded = try load(
      Self.https + """
              client_auth: { ca: ca.pem, crl: ca.crl, allow: [alice@example.com, "*.staff.test"] }
              hosts:
                open.example.com: { client_auth: none }
                "*.example.com": { client_auth: { mode: request, ca: ca.pem } }
        """)
    let tls = try #require(loaded.proxy.listeners[0].tls)
    #expect(tls.clientAuth?.mode == .require)
    #expect(tls.clientAuth?.allowedNames == ["alice@example.com", "*.staff.test"])
    #expect(tls.clientAuth?.revokedPEM != nil)
    #expect(tls.hosts.map(\.host) == [.exact("open.example.com"), .suffix("example.com")])
    #expect(tls.hosts.map { $0.clientAuth?.mode } == [nil, .request])
  }

  @Test(arguments: [
    (
      "client_auth: { ca: none.pem }",
      "g.yaml:6:26: cannot read \"none.pem\": No such file or directory"
    ),
    ("client_auth: { ca: ca.crl }", "g.yaml:6:26: no CERTIFICATE in \"ca.crl\"; it must be PEM"),
    (
      "client_auth: { ca: ca.pem, crl: ca.pem }",
      "g.yaml:6:39: no X509 CRL in \"ca.pem\"; it must be PEM"
    ),
    (
      "client_auth: { mode: maybe, ca: ca.pem }",
      "g.yaml:6:28: mode in client_auth of tls of listener \"a\": \"maybe\" is unknown; allowed: require, request"
    ),
    (
      "hosts: { a.test: { client_auth: none }, A.test: { client_auth: none } }",
      "g.yaml:6:47: host \"A.test\" stands in line 6, too; keep one"
    ),
    (
      "hosts: { \"*\": { client_auth: none } }",
      "g.yaml:6:16: \"*\" is no host; allowed: a name, or \"*.\" and a name"
    ),
    (
      "hosts: { a.test: {} }",
      "g.yaml:6:24: \"client_auth\" is missing in host \"a.test\"; write none, or a map, see `client_auth`"
    ),
  ])
  func `a mistake in security is an error`(_ setting: String, _ line: String) throws {
    let lines = try errors(Self.https + "      " + setting)
    #expect(lines == [line])
  }

  @Test func `HSTS is a span or a ramp`() throws {
    let loaded = try load(
      """
      listeners: { http: { bind: ':80' } }
      backends: { web: { servers: ["127.0.0.1:1"] } }
      routes:
        - { host: a.test, backend: web, hsts: 30d }
        - host: b.test
          backend: web
          hsts: { max_age: 365d, ramp_from: 2026-12-01, include_subdomains: true, preload: true }
      """)
    #expect(loaded.proxy.routes[0].hsts?.maxAge == 2_592_000)
    #expect(loaded.proxy.routes[1].hsts?.rampFrom == 1_796_083_200)
    #expect(loaded.proxy.routes[1].hsts?.isPreloaded == true)
  }

  @Test(arguments: [
    (
      "hsts: soon",
      "g.yaml:4:43: hsts in route: \"soon\" is no span of time; allowed: how long, such as 365d, or a map, see `routes[].hsts`"
    ),
    (
      "hsts: { max_age: 1d, ramp_from: 2026-13-01 }",
      "g.yaml:4:69: ramp_from in hsts of route: \"2026-13-01\" is no date; allowed: a date, such as 2026-12-01"
    ),
    (
      "hsts: { max_age: 1d, preload: true }",
      "g.yaml:4:43: preload in hsts of route needs include_subdomains: true and max_age: 365d"
    ),
    (
      "hsts: 1d, headers: { response: { set: { strict-transport-security: a } } }",
      "g.yaml:4:37: hsts stands beside the header Strict-Transport-Security; keep one"
    ),
  ])
  func `HSTS that browsers would not take is an error`(_ setting: String, _ line: String) throws {
    let lines = try errors(
      """
      listeners: { http: { bind: ':80' } }
      backends: { web: { servers: ["127.0.0.1:1"] } }
      routes:
        - { host: a.test, backend: web,   \(setting) }
      """)
    #expect(lines == [line])
  }

  @Test func `certificates to be fetched are a plan`() throws {
    let loaded = try load(
      """
      listeners: { https: { bind: ':443', certificates: certs } }
      acme:
        authorities:
          le: { directory: letsencrypt, email: ops@example.com }
          own: { directory: "https://ca.test:14000/dir", ca: ca.pem, external_account: { id: k1, key: eab.key } }
        dns: { server: "127.0.0.1:5353", key: tsig.key }
        certificates:
          www.example.com: { names: [www.example.com, example.com], keys: [ecdsa-p256, rsa-2048], authorities: own }
          example.com: { names: "*.example.com", challenge: dns-01, reuse_key: true }
      """)
    let (plan, kept) = try #require(loaded.acme)
    #expect(kept == "\(folder.path)/certs")
    #expect(plan.authorities.map(\.name) == ["le", "own"])
    #expect(plan.authorities[0].directory == "https://acme-v02.api.letsencrypt.org/directory")
    #expect(plan.authorities[1].externalAccount?.keyPath == "\(folder.path)/eab.key")
    #expect(plan.certificates[0].keys == [.ecdsaP256, .rsa2048])
    #expect(plan.certificates[0].authorities == ["own"])
    #expect(plan.certificates[1].authorities == ["le", "own"])
    #expect(
      plan.certificates[1].challenge
        == .dns01(.update(server: "127.0.0.1", port: 5353, keyPath: "\(folder.path)/tsig.key")))
    #expect(plan.certificates[1].reusesKey)
  }

  @Test func `a closed port 80 is told where a challenge needs it`() throws {
    try folder.write(
      "p.yaml",
      """
      version: 1
      management: { from: [192.0.2.1], to: tcp/22 }
      services:
        http: { listen: tcp/80, allow: [192.0.2.0/24] }
        https: { listen: tcp/443, allow: [any] }
      """)
    let listeners = "listeners: { https: { bind: ':443', certificates: certs }"
    let acme = "policy: p.yaml\nacme: { certificates: { www.example.com: {} } }"
    let closed = try load("\(listeners), http: { bind: ':80' } }\n\(acme)").warnings
    #expect(
      closed.contains {
        $0.contains("g.yaml:3:1: warning: acme: the policy lets few connect to listener http:")
      }, "\(closed)")
    let none = try load("\(listeners) }\n\(acme)").warnings
    #expect(none.contains { $0.contains("acme: http-01 needs a listener without certificates") })
    let alpn = "policy: p.yaml\nacme: { certificates: { a.test: { challenge: tls-alpn-01 } } }"
    #expect(try !load("\(listeners) }\n\(alpn)").warnings.contains { $0.contains("acme") })
  }

  @Test func `a folder may be empty while its certificates are still to be fetched`() throws {
    try folder.write("new/README.md", "")
    let text = "listeners: { https: { bind: ':443', certificates: new } }\n"
    #expect(try errors(text).count == 1)
    #expect(try errors(text + "acme: { certificates: { www.example.com: {} } }") == [])
  }

  @Test(arguments: [
    (
      "{}",
      "g.yaml:2:7: \"certificates\" is missing in acme; write a map of names, see `acme.certificates.NAME`"
    ),
    (
      "{ certificates: { a.test: { names: \"*.a.test\" } } }",
      "g.yaml:2:33: *.a.test can be proven in the DNS only; write challenge: dns-01"
    ),
    (
      "{ certificates: { a.test: { challenge: dns-01 } } }",
      "g.yaml:2:33: challenge dns-01 in certificate \"a.test\" needs acme.dns; write it"
    ),
    (
      "{ authorities: { x: { directory: \"http://a\" } }, certificates: { a.test: {} } }",
      "g.yaml:2:40: directory in authority \"x\": \"http://a\" is no https URL; allowed: an https URL, letsencrypt or letsencrypt-staging"
    ),
    (
      "{ certificates: { a.test: { keys: [rsa-2048, rsa-4096] } } }",
      "g.yaml:2:33: keys in certificate \"a.test\": one RSA and one ECDSA key at most"
    ),
    (
      "{ certificates: { a.test: { authorities: letsencrpt } } }",
      "g.yaml:2:48: unknown authority \"letsencrpt\"; did you mean \"letsencrypt\"?"
    ),
  ])
  func `a plan that can't be carried out is an error`(_ plan: String, _ line: String) throws {
    let listeners = "listeners: { https: { bind: ':443', certificates: certs } }\n"
    let lines = try errors(listeners + "acme: " + plan)
    #expect(lines == [line])
  }
}
