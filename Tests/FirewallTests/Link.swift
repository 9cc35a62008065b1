import Glibc

@testable import Firewall

/// 10.9.0.1 and fd09::1 serve; the client has the same networks' 2, 3, 4, 5 and 9.
struct Link {
  let server: NetworkNamespace
  let client: NetworkNamespace

  init() throws {
    server = try NetworkNamespace("server")
    client = try NetworkNamespace("client")
    try Shell.run(
      "ip link add up0 netns \(server.name) type veth peer name up0 netns \(client.name)")
    for (namespace, hosts) in [(server, [1]), (client, [2, 3, 4, 5, 9])] {
      try namespace.run("ip link set up0 addrgenmode none")
      for host in hosts {
        try namespace.run("ip address add 10.9.0.\(host)/24 dev up0")
        try namespace.run("ip address add fd09::\(host)/64 dev up0 nodad")
        try namespace.run("ip address add fe80::\(host)/64 dev up0 nodad")
      }
      try namespace.run("ip link set up0 up")
    }
    try waitForRoutes(in: server)
    try waitForRoutes(in: client)
  }

  /// The kernel brings a link's routes up some time after the link.
  private func waitForRoutes(in namespace: NetworkNamespace) throws {
    for _ in 0..<200 {
      let routes = try namespace.run("ip -6 route show table all dev up0")
      let isUp = ["multicast ff00::/8", "fe80::/64", "fd09::/64"].allSatisfy(routes.contains)
      if isUp && !routes.contains("linkdown") { return }
      usleep(20_000)
    }
    throw NetworkNamespace.Failure(text: "the link does not come up")
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

  func apply(_ input: ResolvedPolicy) throws {
    let ruleset = RulesetCompiler.compile(input, at: Sample.now)
    let digest = [UInt8](repeating: 7, count: 32)
    try server.inside { _ = try FirewallKernel.apply(ruleset, digest: digest) }
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
    return try namespace.daemon(python: script)
  }

  /// Long enough for a packet to arrive; that one never does has no event to wait for.
  func settle() {
    usleep(300_000)
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
        default = "fd09::1" if six else "10.9.0.1"
        try:
          s.connect((sys.argv[2] if len(sys.argv) > 2 else default, int(port)))
          word = "open"
        except TimeoutError: word = "timeout"
        except OSError as error: word = str(error)
        return f"{source} {port} {word}"
      with ThreadPoolExecutor(32) as pool: print(*pool.map(attempt, sys.argv[1].splitlines()), sep="\\n")
      """
    return try client.run(python: script, arguments: "'\(lines)' \(destination ?? "")")
  }
}
