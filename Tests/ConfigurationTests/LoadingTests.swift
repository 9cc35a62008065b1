import Configuration
import Foundation
import Proxy
import Testing

/// What right files become.
struct LoadingTests {
  private let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.writeCertificate("www")
  }

  private func load(_ text: String) throws -> LoadedConfiguration {
    try ConfigurationFile.load(try folder.write("g.yaml", text))
  }

  private static let start = "listeners: { http: { bind: ':80' } }\n"

  @Test func `a bind without an address is IPv4 and IPv6`() throws {
    let text = "listeners: { a: { bind: [':80', '[::]:80', '1.2.3.4:81', '[::ffff:1.2.3.4]:82'] } }"
    let addresses = try load(text).proxy.listeners.first?.addresses.map(\.description)
    #expect(addresses == ["0.0.0.0:80", "[::]:80", "1.2.3.4:81", "1.2.3.4:82"])
  }

  @Test func `without a policy everybody may connect, and it is said`() throws {
    let loaded = try load(Self.start)
    #expect(loaded.policy == nil)
    #expect(loaded.adminSocket == nil)
    #expect(loaded.proxy.listeners.first?.access == nil)
    let path = "\(folder.path)/g.yaml"
    #expect(
      loaded.warnings == [
        "\(path):1:1: warning: no routes: every request is answered 404",
        "\(path):1:1: warning: no policy: everybody may connect; name one with \"policy\"",
      ])
  }

  @Test func `an admin door without a socket has the default one`() throws {
    let loaded = try load(Self.start + "admin: {}")
    #expect(loaded.adminSocket == LoadedConfiguration.defaultAdminSocket)
  }

  @Test func `servers are addresses, names, or maps`() throws {
    let text = """
      backends:
        a: { servers: ["10.0.0.1:80", "[2001:db8::1]:81"] }
        b: { servers: { x: "10.0.0.2:80", y: { address: "localhost:82", weight: 0 } } }
        c: { servers: ["localhost:83"], tls: true, host: "c.example:83" }
        d: { servers: ["10.0.0.3:84"], tls: { verify: false } }
      """
    let backends = try load(Self.start + text).proxy.backends
    #expect(backends.map(\.name) == ["a", "b", "c", "d"])
    #expect(backends[0].servers.map(\.name) == ["s1", "s2"])
    #expect(backends[0].servers.map(\.address.description) == ["10.0.0.1:80", "[2001:db8::1]:81"])
    #expect(backends[1].servers.map(\.weight) == [1, 0])
    #expect(backends[1].servers[1].address.port == 82)
    #expect(backends[2].tls?.serverName == "localhost")
    #expect(backends[2].tls?.verify == true)
    #expect(backends[2].host == "c.example:83")
    #expect(backends[3].tls?.verify == false)
  }

  @Test func `routes take hosts and paths by their form`() throws {
    let text = """
      backends: { a: { servers: ["10.0.0.1:80"] } }
      routes:
        - { backend: a }
        - { host: WWW.example.com, path: /x, backend: a }
        - { host: "*.example.com", path: /y/**, redirect: "https://{host}{path}", status: 302 }
        - { path: /**, host: "b.example", backend: a, headers: { response: { set: { A: b } } } }
      """
    let routes = try load(Self.start + text).proxy.routes
    #expect(
      routes.map(\.host) == [
        .any, .exact("www.example.com"), .suffix("example.com"), .exact("b.example"),
      ])
    #expect(routes.map(\.path) == [.any, .exact("/x"), .prefix("/y"), .any])
    #expect(routes[2].action == .redirect(to: "https://{host}{path}", status: 302))
    #expect(routes[3].setResponseHeaders.map(\.name) == ["A"])
  }

  @Test func `limits and timeouts carry their units`() throws {
    let text =
      "limits: { head: 8KiB, body: 1GiB }\ntimeouts: { head: 500ms, idle: 5m, drain: 1h }\n"
    let proxy = try load(Self.start + text + "workers: 3").proxy
    #expect(proxy.limits.headBytes == 8 << 10)
    #expect(proxy.limits.bodyBytes == 1 << 30)
    #expect(proxy.timeouts.head == .milliseconds(500))
    #expect(proxy.timeouts.idle == .seconds(300))
    #expect(proxy.timeouts.drain == .seconds(3600))
    #expect(proxy.workers == 3)
  }

  @Test func `certificates stand in three forms, sorted by name`() throws {
    try folder.write("certs/b.crt", Folder.chain, mode: 0o644)
    try folder.write("certs/b.key", Folder.key)
    try folder.write("certs/a/v1/fullchain.pem", Folder.chain, mode: 0o644)
    try folder.write("certs/a/v1/key.pem", Folder.key)
    try FileManager.default.createSymbolicLink(
      atPath: "\(folder.path)/certs/a/current", withDestinationPath: "v1")
    let text = "listeners: { a: { bind: ':443', certificates: certs, tls: { minimum: '1.3' } } }"
    let tls = try #require(try load(text).proxy.listeners.first?.tls)
    #expect(tls.certificates.map(\.name) == ["a", "b", "www"])
    #expect(tls.certificates[0].keyPEM == Array(Folder.key.utf8))
    #expect(tls.minimum == .tls13)
  }

  @Test(arguments: [
    ("b.crt", "b", "readable: certs/b.key: cannot read: No such file or directory"),
    ("b.pem", "b", "key-parse: certs/b.pem: no readable private key (PEM, without a passphrase)"),
    ("www.crt", "www", "readable: certs/www.crt has a namesake here; keep one of them"),
  ])
  func `a chain without its key is left out, and the others serve`(
    _ file: String, _ name: String, _ message: String
  ) throws {
    try folder.write("certs/good.pem", Folder.chain + Folder.key)
    try folder.write("certs/\(file)", Folder.chain)
    try folder.write("certs/www.key", Folder.key)
    let loaded = try load("listeners: { a: { bind: ':443', certificates: certs } }")
    #expect(loaded.proxy.listeners[0].tls?.certificates.contains { $0.name == "good" } == true)
    #expect(loaded.proxy.listeners[0].tls?.certificates.contains { $0.name == name } == false)
    let warnings = loaded.warnings.map { $0.replacing(folder.path + "/", with: "") }
    let start = "g.yaml:1:47: warning: certificate \"\(name)\" is not served: \(message)"
    #expect(warnings.contains { $0.hasPrefix(start) })
  }

  @Test func `a key that others may read is not served`() throws {
    try folder.write("certs/open.pem", Folder.chain + Folder.key, mode: 0o644)
    let loaded = try load("listeners: { a: { bind: ':443', certificates: certs } }")
    #expect(loaded.proxy.listeners[0].tls?.certificates.map(\.name) == ["www"])
    #expect(
      loaded.certificates["a"]?.first?.problems == [
        "key-private: others may read the key; type: chmod 600 \(folder.path)/certs/open.pem"
      ])
  }
}
