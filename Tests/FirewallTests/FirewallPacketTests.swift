import Glibc
import Testing

@testable import Firewall

/// Real packets through real rules: a server and a client, each in a network of its own.
@Suite(.serialized, .enabled(if: getuid() == 0, "needs root: network namespaces"))
struct FirewallPacketTests {
  private static let digest = [UInt8](repeating: 7, count: 32)

  @Test(arguments: [FirewallPolicy.Protection.host, .hostAndPublished])
  func `root: the allowed connect and the others time out`(
    _ protect: FirewallPolicy.Protection
  ) throws {
    let link = try Link()
    let daemon = try link.serve(in: link.server, ports: [22, 80, 443, 8000, 9999])
    defer { withExtendedLifetime(daemon) {} }
    var input = Sample.host
    input.protect = protect
    try link.apply(input)
    // Neighbours must be found through the rules.
    try link.client.run("ip neigh flush all")
    try link.server.run("ip neigh flush all")
    let expected = """
      10.9.0.2 22 open
      10.9.0.2 80 timeout
      10.9.0.2 8000 timeout
      10.9.0.3 22 timeout
      10.9.0.3 80 open
      10.9.0.3 443 open
      10.9.0.3 8000 open
      10.9.0.3 9999 timeout
      10.9.0.4 80 timeout
      10.9.0.4 8000 timeout
      10.9.0.5 80 timeout
      10.9.0.5 8000 open
      10.9.0.9 22 timeout
      10.9.0.9 80 timeout
      10.9.0.9 8000 open
      fd09::2 22 open
      fd09::2 80 timeout
      fd09::3 22 timeout
      fd09::3 80 open
      fd09::3 9999 timeout
      fd09::9 80 timeout
      fd09::9 8000 open

      """
    #expect(try link.connect(as: expected) == expected)
    let live = try #require(try link.server.inside { try FirewallKernel.live() })
    #expect(live.counters["r_web_allow"]?.packets == 3)
    #expect((live.counters["r_deny"]?.packets ?? 0) >= 4)
    #expect((live.counters["r_web_deny"]?.packets ?? 0) >= 1)
    #expect((live.counters["r_default"]?.packets ?? 0) >= 2)
    // Counters outlive an apply.
    try link.apply(input)
    let later = try #require(try link.server.inside { try FirewallKernel.live() })
    #expect(later.counters["r_web_allow"]?.packets == 3)
    #expect(try link.connect(as: expected) == expected)
  }

  @Test func `root: a connection goes on when its source is denied only by service`() throws {
    let link = try Link()
    try link.apply(Sample.host)
    #expect(try link.client.run("ping -c 1 -W 2 -I 10.9.0.9 10.9.0.1").contains("1 received"))
    #expect(try link.client.run("ping -c 1 -W 2 -I fd09::9 fd09::1").contains("1 received"))
  }

  @Test func `root: an address whose time is over is not let in`() throws {
    let link = try Link()
    let daemon = try link.serve(in: link.server, ports: [80])
    defer { withExtendedLifetime(daemon) {} }
    var input = Sample.host
    input.services[0].allow.ipv4[0].until = Sample.now + 2
    try link.apply(input)
    #expect(try link.connect(as: "10.9.0.3 80 open\n") == "10.9.0.3 80 open\n")
    // The kernel alone ends it: this waits for the kernel's clock, at most five seconds.
    var isGone = false
    for _ in 0..<50 where !isGone {
      let set = try link.server.run("nft list set inet gatehouse allow_web_4")
      isGone = !set.contains("10.9.0.3")
      if !isGone { usleep(100_000) }
    }
    #expect(try link.connect(as: "10.9.0.3 80 open\n") == "10.9.0.3 80 timeout\n")
  }

  @Test func `root: published ports are covered and forwarded traffic is not`() throws {
    let link = try Link()
    let backend = try NetworkNamespace("back")
    try link.attach(backend)
    let daemon = try link.serve(in: backend, ports: [80])
    defer { withExtendedLifetime(daemon) {} }
    try link.server.run("nft add table ip nat")
    try link.server.run(
      "nft add chain ip nat pre { type nat hook prerouting priority -100 \\; }")
    try link.server.run(
      "nft add rule ip nat pre ip daddr 10.9.0.1 tcp dport 80 dnat to 10.8.0.2:80")
    var input = Sample.published
    try link.apply(input)
    #expect(try link.connect(as: "10.9.0.3 80 open\n10.9.0.9 80 open\n")
      == "10.9.0.3 80 open\n10.9.0.9 80 timeout\n")
    // By its own address the backend is no business of this table.
    let direct = "10.9.0.9 80 open\n"
    #expect(try link.connect(as: direct, to: "10.8.0.2") == direct)
    // The plain input hook does not see what Docker publishes.
    input.protect = .host
    try link.apply(input)
    #expect(try link.connect(as: direct) == direct)
  }
}

/// 10.9.0.1 and fd09::1 serve; the client has the same networks' 2, 3, 4, 5 and 9.
private struct Link {
  let server: NetworkNamespace
  let client: NetworkNamespace

  init() throws {
    server = try NetworkNamespace("server")
    client = try NetworkNamespace("client")
    try Shell.run(
      "ip link add up0 netns \(server.name) type veth peer name up0 netns \(client.name)")
    for (namespace, hosts) in [(server, [1]), (client, [2, 3, 4, 5, 9])] {
      for host in hosts {
        try namespace.run("ip address add 10.9.0.\(host)/24 dev up0")
        try namespace.run("ip address add fd09::\(host)/64 dev up0 nodad")
      }
      try namespace.run("ip link set up0 up")
    }
  }

  /// Puts a network behind the server, as Docker does with its containers.
  func attach(_ backend: NetworkNamespace) throws {
    try Shell.run(
      "ip link add down0 netns \(server.name) type veth peer name up0 netns \(backend.name)")
    try server.run("ip address add 10.8.0.1/24 dev down0")
    try server.run("ip link set down0 up")
    try server.run("sysctl -qw net.ipv4.ip_forward=1")
    try backend.run("ip address add 10.8.0.2/24 dev up0")
    try backend.run("ip link set up0 up")
    try backend.run("ip route add default via 10.8.0.1")
    try client.run("ip route add 10.8.0.0/24 via 10.9.0.1")
  }

  func apply(_ input: CompilerInput) throws {
    let ruleset = RulesetCompiler.compile(input, at: Sample.now)
    try server.inside { _ = try FirewallKernel.apply(ruleset, digest: [UInt8](repeating: 7, count: 32)) }
  }

  func serve(in namespace: NetworkNamespace, ports: [Int]) throws -> Daemon {
    let script = """
      import os, select, socket
      sockets = [socket.create_server(("::", p), family=socket.AF_INET6, dualstack_ipv6=True) \
      for p in \(ports)]
      print(os.getpid(), flush=True)
      while True:
        for s in select.select(sockets, [], [])[0]: s.accept()[0].close()
      """
    let path = "/tmp/\(namespace.name).py"
    try Golden.write(script, to: path)
    return try Daemon("ip netns exec \(namespace.name) python3 \(path)")
  }

  /// For each line "source port …" what became of a connection: open, refused or timeout.
  func connect(as lines: String, to destination: String? = nil) throws -> String {
    let script = """
      import socket, sys
      from concurrent.futures import ThreadPoolExecutor
      def attempt(line):
        source, port, _ = line.split()
        six = ":" in source
        s = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
        s.settimeout(1.5)
        s.bind((source, 0))
        try: s.connect((sys.argv[2] if len(sys.argv) > 2 else "fd09::1" if six else "10.9.0.1", int(port))); word = "open"
        except TimeoutError: word = "timeout"
        except OSError as error: word = str(error)
        return f"{source} {port} {word}"
      with ThreadPoolExecutor(32) as pool: print(*pool.map(attempt, sys.argv[1].splitlines()), sep="\\n")
      """
    let path = "/tmp/\(client.name).py"
    try Golden.write(script, to: path)
    defer { unsafe unlink(path) }
    return try client.run("python3 \(path) '\(lines)' \(destination ?? "")")
  }
}
