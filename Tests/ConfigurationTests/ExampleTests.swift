import Configuration
import Foundation
import Proxy
import Testing

struct ExampleTests {
  private static func files(_ folder: String) -> [String] {
    let path = "\(Folder.repository)/\(folder)"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.filter { $0.hasSuffix(".yaml") }.sorted()
  }

  @Test(arguments: files("examples"))
  func `every example is accepted without a warning`(_ name: String) throws {
    let folder = try Folder.ofExamples()
    let loaded = try ConfigurationFile.load("\(folder.path)/examples/\(name)")
    #expect(loaded.warnings == [])
    #expect(loaded.policy != nil)
    #expect(Set(loaded.certificateFolders.values) == ["\(folder.path)/certs"])
  }

  @Test(arguments: files("policies"))
  func `every policy is accepted without a warning`(_ name: String) throws {
    let loaded = try PolicyFile.load("\(Folder.repository)/policies/\(name)", at: 1_800_000_000)
    #expect(loaded.warnings == [])
    #expect(loaded.policy.management != nil)
  }

  @Test func `there are examples and policies`() {
    #expect(Self.files("examples").count >= 3)
    #expect(Self.files("policies").count >= 4)
  }

  @Test func `the quickstart says what it should`() throws {
    let folder = try Folder.ofExamples()
    let loaded = try ConfigurationFile.load("\(folder.path)/examples/quickstart.yaml")
    let https = try #require(loaded.proxy.listeners.first)
    let http = try #require(loaded.proxy.listeners.last)
    #expect(https.addresses.map(\.description) == ["127.0.0.1:8443", "[::1]:8443"])
    #expect(https.tls?.certificates.map(\.name) == ["www"])
    #expect(http.redirectToHTTPSPort == 8443)
    #expect(loaded.adminSocket == "\(folder.path)/.run/admin.sock")
    #expect(loaded.proxy.backends.first?.servers.map(\.name) == ["s1", "s2"])
    let access = try #require(https.access)
    #expect(access == http.access)
    #expect(access.ipv4 == [.init(first: 0x7f00_0001, last: 0x7f00_0002)])
    #expect(access.ipv6 == [.init(first: 1, last: 1)])
  }

  @Test func `the full example repeats the defaults`() throws {
    let folder = try Folder.ofExamples()
    let loaded = try ConfigurationFile.load("\(folder.path)/examples/full.yaml")
    #expect(loaded.proxy.limits == Limits())
    #expect(loaded.proxy.timeouts == Timeouts())
    #expect(loaded.proxy.routes.count == 4)
    #expect(loaded.adminSocket == LoadedConfiguration.defaultAdminSocket)
  }

  @Test func `the README's configuration and policy are accepted as they stand`() throws {
    let readme = try String(contentsOfFile: "\(Folder.repository)/README.md", encoding: .utf8)
    let blocks = readme.components(separatedBy: "```yaml\n").dropFirst()
      .map { $0.components(separatedBy: "```")[0] }
    try #require(blocks.count == 2)
    let folder = try Folder.ofExamples()
    try folder.write("policies/web.yaml", blocks[1])
    let file = try folder.write("gatehouse.yaml", blocks[0])
    let loaded = try ConfigurationFile.load(file)
    #expect(loaded.warnings == [])
    #expect(loaded.policy?.services.map(\.name) == ["web", "metrics"])
    #expect(blocks.allSatisfy { $0.split(separator: "\n").count <= 10 })
  }
}
