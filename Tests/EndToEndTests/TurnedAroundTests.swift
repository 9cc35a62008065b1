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
    // Who is let in again is, and what goes on begins nothing that a limit would count.
    try apply(
      "media: { listen: udp/4433, allow: 10.77.0.2, limit: { new_connections: { rate: 1/m, burst: 2 } } }"
    )
    #expect(hears(server) > 20)
    // Nor where the service is no more.
    try apply("web: { listen: tcp/80, allow: any }")
    #expect(hears(server) == 0)
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

  @Test
  func `root: no apply ends what this machine began, and the end of a trial ends what it let in`()
    throws
  {
    let remote = try cable.client.start("python3", "-u", "-c", Self.echo, "10.77.0.2")
    let local = try cable.server.start("python3", "-u", "-c", Self.echo, "10.77.0.1")
    #expect(remote.says("ready") && local.says("ready"))
    let begun = try cable.server.start("python3", "-u", "-c", Self.talker, "10.77.0.2")
    let came = try cable.client.start("python3", "-u", "-c", Self.talker, "10.77.0.1")
    #expect(begun.says("alive") && came.says("alive"))
    try apply("web: { listen: tcp/80, allow: any }", "mode: audit")
    #expect(!came.says("closed", seconds: 1) && !begun.text.contains("closed"))
    try apply("web: { listen: tcp/80, allow: any }")
    #expect(came.says("closed"))
    #expect(!begun.says("closed", seconds: 2))
    try apply("web: { listen: tcp/81, allow: any }")
    #expect(!begun.says("closed", seconds: 2))
  }

  @Test
  func `root: a ban that has ended leaves nothing behind on ports of this machine's own queries`()
    throws
  {
    try apply("web: { listen: tcp/80, allow: any }")
    let remote = try cable.client.start("python3", "-u", "-c", Self.echo, "10.77.0.2")
    #expect(remote.says("ready"))
    let begun = try cable.server.start("python3", "-u", "-c", Self.talker, "10.77.0.2")
    #expect(begun.says("alive"))
    #expect(try cable.server.gatehouse("ban", "add", "10.77.0.2", "--for", "1h").status == 0)
    #expect(begun.says("closed"))
    let ports = try cable.server("nft", "list", "set", "inet", "gatehouse", "revoked_tcp")
    #expect(ports.status == 0 && !ports.standardOutput.contains("elements"), "\(ports)")
  }

  private static let echo = """
    import socket, sys
    listener = socket.create_server((sys.argv[1], 8000)); print("ready", flush=True)
    peer = listener.accept()[0]
    try:
        while (data := peer.recv(100)): peer.sendall(data)
    except OSError: pass
    import time; time.sleep(60)
    """

  private static let talker = """
    import socket, sys, time
    peer = socket.create_connection((sys.argv[1], 8000), 5); peer.settimeout(2)
    try:
        while True:
            peer.sendall(b"x")
            if not peer.recv(100): break
            print("alive", flush=True); time.sleep(0.05)
    except OSError: pass
    print("closed", flush=True)
    """

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
