import Foundation
import Testing

/// Sources that are revoked while the service goes on sending to them: their connections come back turned
/// around, and what they send must not pass for answers.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces"))
struct TurnedAroundTests {
  private let cable: Cable

  init() throws { cable = try Cable() }

  /// Sends every 20 ms to whom it heard first, and tells every 100 datagrams that it hears.
  private static let speaker = """
    import socket, threading, time
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); server.bind(("10.77.0.1", 4433))
    print("ready", flush=True)
    peer = server.recvfrom(100)[1]
    def speak():
        while True: server.sendto(b"x", peer); time.sleep(0.02)
    threading.Thread(target=speak, daemon=True).start()
    while True: server.recvfrom(100); print(".", end="", flush=True)
    """

  private static let caller = """
    import socket, time
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); client.bind(("10.77.0.2", 5000))
    while True:
        client.sendto(b"y", ("10.77.0.1", 4433)); time.sleep(0.02)
    """

  private func apply(_ services: String, _ more: String = "") throws {
    try cable.server.apply(services, more)
  }

  /// How much more it hears within a second and a half, after one in which all is over that is under way.
  private func hears(_ server: Companion) -> Int {
    sleep(1)
    let before = server.text.count
    usleep(1_500_000)
    return server.text.count - before
  }

  @Test func `root: a revoked source is not heard over UDP though the service goes on sending`()
    throws
  {
    try apply("media: { listen: udp/4433, allow: 10.77.0.2 }")
    let server = try cable.server.start("python3", "-u", "-c", Self.speaker)
    #expect(server.says("ready"))
    let client = try cable.client.start("python3", "-u", "-c", Self.caller)
    #expect(server.says("....."))
    #expect(hears(server) > 20)
    try apply("media: { listen: udp/4433, allow: 10.77.0.3 }")
    #expect(hears(server) == 0)
    // Nor after an apply that has nothing to do with it.
    try apply("media: { listen: udp/4433, allow: 10.77.0.3 }, web: { listen: tcp/80, allow: any }")
    #expect(hears(server) == 0)
    try apply("media: { listen: udp/4433, allow: 10.77.0.2 }")
    #expect(hears(server) > 20)
    withExtendedLifetime(client) {}
  }

  @Test func `root: nor over a port that is published`() throws {
    let inner = try Namespace()
    try cable.server.must(
      "ip", "link", "add", "in0", "type", "veth", "peer", "name", "eth0", "netns", inner.name)
    try cable.server.must("ip", "addr", "add", "10.88.0.1/24", "dev", "in0")
    try cable.server.must("ip", "link", "set", "in0", "up")
    try inner.must("ip", "addr", "add", "10.88.0.2/24", "dev", "eth0")
    try inner.must("ip", "link", "set", "eth0", "up")
    try inner.must("ip", "route", "add", "default", "via", "10.88.0.1")
    try cable.server.must("sysctl", "-qw", "net.ipv4.ip_forward=1")
    try cable.server.must(
      "nft",
      """
      table ip published {
        chain in { type nat hook prerouting priority dstnat; ip daddr 10.77.0.1 tcp dport 80 dnat to 10.88.0.2:80; }
        chain out { type nat hook postrouting priority srcnat; ip saddr 10.88.0.0/24 oifname "up0" masquerade; }
      }
      """)
    try apply("web: { listen: tcp/80, allow: 10.77.0.2 }", "protect: host+published")
    let server = try inner.start(
      "python3", "-u", "-c",
      """
      import socket, threading, time
      listener = socket.create_server(("10.88.0.2", 80)); print("ready", flush=True)
      peer = listener.accept()[0]
      def speak():
          while True: peer.sendall(b"x"); time.sleep(0.02)
      threading.Thread(target=speak, daemon=True).start()
      while peer.recv(100): print(".", end="", flush=True)
      """)
    #expect(server.says("ready"))
    let client = try cable.client.start(
      "python3", "-u", "-c",
      """
      import socket, threading, time
      client = socket.create_connection(("10.77.0.1", 80), 5, ("10.77.0.2", 0))
      def hear():
          while client.recv(100): pass
      threading.Thread(target=hear, daemon=True).start()
      while True: client.sendall(b"y"); time.sleep(0.02)
      """)
    #expect(server.says("....."))
    #expect(hears(server) > 20)
    try apply("web: { listen: tcp/80, allow: 10.77.0.3 }", "protect: host+published")
    #expect(hears(server) == 0)
    withExtendedLifetime(client) {}
  }

  @Test func `root: answers to this machine are let in, whoever was revoked`() throws {
    try apply("media: { listen: udp/4433, allow: 10.77.0.2 }")
    let server = try cable.server.start("python3", "-u", "-c", Self.speaker)
    #expect(server.says("ready"))
    let client = try cable.client.start("python3", "-u", "-c", Self.caller)
    #expect(server.says("....."))
    try apply("media: { listen: udp/4433, allow: 10.77.0.3 }")
    let set = try cable.server("nft", "list", "set", "inet", "gatehouse", "revoked4")
    #expect(set.standardOutput.contains("10.77.0.2"), "\(set)")
    let web = try cable.client.start(
      "python3", "-u", "-m", "http.server", "8000", "--bind", "10.77.0.2")
    for _ in 0..<100 {
      let asked = try cable.server("curl", "-s", "-m", "5", "http://10.77.0.2:8000/")
      if asked.standardOutput.contains("Directory") { break }
      usleep(100_000)
    }
    let asked = try cable.server("curl", "-s", "-m", "5", "http://10.77.0.2:8000/")
    #expect(asked.standardOutput.contains("Directory"), "\(asked)")
    withExtendedLifetime((client, web)) {}
  }
}
