import Testing

@testable import Firewall

/// A policy as a test writes it.
private func policy(
  groups: [String: [String]] = [:], include: [String: [String]] = [:],
  except: [String: [String]] = [:], management: [String]? = ["10.9.0.0/16"],
  deny: [String] = [], allow: [String] = ["any"], serviceDeny: [String] = []
) throws -> FirewallPolicy {
  let place = SourcePlace(file: "p.yaml", line: 1, column: 1)
  func references(_ names: [String]) throws -> [FirewallPolicy.Reference] {
    try names.map { name in
      if name == "any" { return FirewallPolicy.Reference(.any, place: place) }
      guard name.contains(".") || name.contains(":") else {
        return FirewallPolicy.Reference(.group(name), place: place)
      }
      return FirewallPolicy.Reference(.network(try Network(parsing: name)), place: place)
    }
  }
  var result = FirewallPolicy()
  for name in Set(groups.keys).union(include.keys).union(except.keys).sorted() {
    result.groups.append(
      FirewallPolicy.Group(
        name: name,
        entries: try (groups[name] ?? []).map {
          FirewallPolicy.Entry(network: try Network(parsing: $0), place: place)
        }, include: try references(include[name] ?? []),
        except: try references(except[name] ?? []), place: place))
  }
  if let management {
    result.management = FirewallPolicy.Management(
      from: try references(management), to: [.init(.tcp, 22)], place: place)
  }
  result.deny = try references(deny)
  result.services = [
    FirewallPolicy.Service(
      name: "web", listen: [.init(.tcp, 443), .init(.udp, 8000, 8010)],
      allow: try references(allow), deny: try references(serviceDeny), place: place)
  ]
  return result
}

struct PolicyChecksTests {
  private func messages(_ policy: FirewallPolicy) -> [String] {
    PolicyChecks.findings(of: policy, at: 0).map(\.description)
  }

  @Test func `a sound policy has no finding`() throws {
    #expect(try messages(policy(groups: ["hq": ["10.0.0.0/24"]], allow: ["hq"])) == [])
  }

  @Test func `without management it is refused, and told what to add`() throws {
    let found = try messages(policy(management: nil))
    #expect(found.first?.contains("management is missing") == true)
    #expect(found.first?.contains("add management: {") == true)
  }

  @Test func `management from any is refused`() throws {
    #expect(try messages(policy(management: ["any"])).first?.contains("from any") == true)
  }

  @Test func `an undefined group has a suggestion`() throws {
    let found = try messages(policy(groups: ["office": ["10.0.0.0/24"]], allow: ["ofice"]))
    #expect(found.contains { $0.contains("no group \"ofice\"; did you mean \"office\"?") })
  }

  @Test func `a circle of groups is named`() throws {
    let found = try messages(
      policy(include: ["a": ["b"], "b": ["c"], "c": ["a"]], allow: ["a"]))
    #expect(found.contains { $0.contains("in a circle: a -> b -> c -> a") })
  }

  @Test(arguments: ["0.0.0.0/0", "::/0"])
  func `a network of everybody must be spelled any`(_ network: String) throws {
    #expect(try messages(policy(allow: [network])).contains { $0.contains("write any") })
  }

  @Test func `an empty allow is refused`() throws {
    #expect(try messages(policy(allow: [])).contains { $0.contains("allows nobody") })
    let excepted = try policy(
      groups: ["a": ["10.0.0.1"]], except: ["a": ["10.0.0.0/8"]], allow: ["a"])
    #expect(messages(excepted).contains { $0.contains("have no address") })
  }

  @Test(arguments: [false, true])
  func `groups may be nested as deep as they like, in any order`(_ isReversed: Bool) throws {
    func name(_ depth: Int) -> String { "g" + String(1000 + (isReversed ? 500 - depth : depth)) }
    var nested: [String: [String]] = [:]
    for depth in 1...500 { nested[name(depth)] = [name(depth - 1)] }
    let deep = try policy(
      groups: [name(0): ["10.0.0.0/24"]], include: nested, deny: [name(500)])
    #expect(messages(deep) == [])
    let verdict = PolicyVerdict(ResolvedPolicy(deep))
    let source = try #require(Address(parsing: "10.0.0.7"))
    #expect(!verdict.verdict(source, to: .tcp, port: 443, at: 0).isAllowed)
    var circle = nested
    circle[name(0)] = [name(500)]
    let round = try policy(include: circle, deny: [name(500)])
    #expect(messages(round).contains { $0.contains("in a circle") })
  }

  @Test func `management that has ended is told, and a service of its name is refused`() throws {
    var ended = try policy(groups: ["hq": ["10.0.0.0/24"]], management: ["hq"])
    ended.groups[0].entries[0].until = 5
    #expect(
      PolicyChecks.findings(of: ended, at: 6).contains {
        $0.severity == .warning && $0.message.contains("all that management's from names has ended")
      })
    #expect(messages(ended).isEmpty)
    var named = try policy()
    named.services[0].name = "management"
    #expect(messages(named).contains { $0.contains("no service can be named management") })
  }

  @Test func `a bucket that the kernel can't count is refused, and the largest one is not`() throws
  {
    var greedy = try policy()
    greedy.services[0].limit = .init(newConnections: .init(1, per: .week, burst: 30_500))
    #expect(messages(greedy).isEmpty)
    greedy.services[0].limit = .init(newConnections: .init(1, per: .week, burst: 30_502))
    #expect(messages(greedy).contains { $0.contains("write at most 30500") })
  }

  @Test func `what is doubtful is a warning`() throws {
    let overlap = try policy(management: ["10.9.0.0/16"], deny: ["10.9.1.0/24"])
    #expect(messages(overlap).contains { $0.contains("warning: some of management's sources") })
    let dead = try policy(deny: ["10.0.0.0/8"], allow: ["10.1.0.0/16"])
    #expect(messages(dead).contains { $0.contains("warning: all that service \"web\" allows") })
  }
}

struct PolicyVerdictTests {
  private func outcome(
    _ policy: FirewallPolicy, _ source: String, _ port: UInt16,
    _ transport: FirewallPolicy.Port.Transport = .tcp
  ) throws -> PolicyOutcome {
    let address = try #require(Address(parsing: source))
    return try PolicyVerdict(policy).verdict(address, to: transport, port: port, at: 100)
  }

  @Test func `management beats deny, deny beats allow, all else is denied`() throws {
    let policy = try policy(
      groups: ["hq": ["10.0.0.0/8"], "bad": ["10.9.0.0/24", "10.7.0.0/16"]],
      management: ["10.9.0.0/16"], deny: ["bad"], allow: ["hq"], serviceDeny: ["10.8.0.0/16"])
    #expect(try outcome(policy, "10.9.0.1", 22) == .allowedByManagement)
    #expect(try outcome(policy, "10.9.0.1", 443) == .deniedByDeny)
    #expect(try outcome(policy, "10.7.0.1", 443) == .deniedByDeny)
    #expect(try outcome(policy, "10.8.0.1", 443) == .deniedByService("web"))
    #expect(try outcome(policy, "10.1.0.1", 443) == .allowedByService("web"))
    #expect(try outcome(policy, "10.1.0.1", 8005, .udp) == .allowedByService("web"))
    #expect(try outcome(policy, "10.1.0.1", 8011, .udp) == .deniedByDefault)
    #expect(try outcome(policy, "10.1.0.1", 22) == .deniedByDefault)
    #expect(try outcome(policy, "192.0.2.1", 443) == .deniedByAllow("web"))
    #expect(try outcome(policy, "::1", 443) == .deniedByAllow("web"))
  }

  /// Both are made of the same policy; neither is made of the other.
  @Test func `who is allowed to a port is who is let in there`() throws {
    let policy = try policy(
      groups: ["hq": ["10.0.0.0/28"], "bad": ["10.0.0.4/30"]], include: ["all": ["hq"]],
      except: ["all": ["10.0.0.9"]], management: ["10.0.0.6"], deny: ["bad"], allow: ["all"],
      serviceDeny: ["10.0.0.1"])
    let verdict = try PolicyVerdict(policy)
    for port: UInt16 in [22, 443, 80] {
      let allowed = verdict.allowedSources(.tcp, port: port)
      for last: UInt32 in 0..<20 {
        let address = Address.ipv4(0x0a00_0000 + last)
        let isLetIn = verdict.verdict(address, to: .tcp, port: port, at: 0).isAllowed
        #expect(allowed.contains(address, at: 0) == isLetIn, "\(address) to \(port)")
      }
    }
  }

  @Test func `a policy with an error has no verdict`() throws {
    let policy = try policy(management: nil)
    #expect(throws: PolicyError.self) { try PolicyVerdict(policy) }
  }
}

struct NetworkTests {
  @Test(arguments: [
    ("10.0.0.5/8", "10.0.0.0/8"), ("::ffff:10.0.0.1", "write 10.0.0.1"), ("10.0.0.0/33", "0...32"),
    ("2001:db8::/129", "0...128"), ("010.0.0.1", "no address"), ("10.1", "no address"),
    ("", "no address"), ("10.0.0.0/", "0...32"), ("10.0.0.0/08", "0...32"),
    ("fe80::1%eth0", "no address"), ("2001:db8::1/32", "2001:db8::/32"),
  ])
  func `says what is wrong with a network, and what to write`(_ text: String, _ hint: String) {
    let error = #expect(throws: NetworkError.self) { try Network(parsing: text) }
    #expect(error?.description.contains(hint) == true, "\(String(describing: error))")
  }
}
