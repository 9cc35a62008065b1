import Testing

@testable import Names

struct SystemFileTests {
  @Test func `hosts gives every address of a name, in any case`() {
    let file = HostsFile(
      """
      # 9.9.9.9 api
      10.0.0.5\tapi.internal  API # web
      10.0.0.5 api
      ::1 api
      10.0.0 broken
      10.0.0.6
      """)
    let loopback = [UInt8](repeating: 0, count: 15) + [1]
    #expect(file.addresses(of: "Api") == [[10, 0, 0, 5], loopback])
    #expect(file.addresses(of: "api.internal") == [[10, 0, 0, 5]])
    #expect(file.addresses(of: "web").isEmpty && file.addresses(of: "broken").isEmpty)
  }

  @Test func `resolv_conf is read within its limits`() {
    let file = ResolverFile(
      """
      nameserver 10.0.0.53
      nameserver nonsense
      nameserver ::1
      nameserver 10.0.0.54
      nameserver 10.0.0.55
      search One.test two.test.
      options ndots:2 timeout:900 attempts:0 ndots:-1 rotate edns0:x
      """)
    #expect(file.servers.map(\.address.count) == [4, 16, 4])
    #expect(file.timeout == .seconds(5) && file.attempts == 1)
    #expect(file.candidates(for: "a.b") == ["a.b.one.test", "a.b.two.test", "a.b"])
    #expect(file.candidates(for: "a.b.c").first == "a.b.c")
    #expect(file.candidates(for: "a.") == ["a"])
    #expect(ResolverFile("").servers == [DNSPeer([127, 0, 0, 1])])
  }

  @Test func `a loopback name of both families is one server`() {
    let loopback = [UInt8](repeating: 0, count: 15) + [1]
    #expect(NameResolver.ordered([loopback, [127, 0, 0, 1]]) == [[127, 0, 0, 1]])
    #expect(NameResolver.ordered([loopback]) == [loopback])
    #expect(
      NameResolver.ordered([[10, 0, 0, 6], [10, 0, 0, 5], [10, 0, 0, 6]])
        == [[10, 0, 0, 5], [10, 0, 0, 6]])
  }
}
