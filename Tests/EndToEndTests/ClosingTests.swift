import Foundation
import Testing

/// Whose connections an apply ends, and whose go on: what a policy denies ends however it came to be open, and
/// what it allows, or this machine began, goes on.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces"))
struct ClosingTests {
  private let cable: Cable

  init() throws { cable = try Cable() }

  /// Hears datagrams at a port, and tells each; begins to send to `PEER`, if that is named.
  private static let ear = """
    import socket, sys, threading, time
    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); ear.bind((sys.argv[1], int(sys.argv[2])))
    print("ready", flush=True)
    def speak(peer):
        while True: ear.sendto(b"x", peer); time.sleep(0.02)
    def begin(peer): threading.Thread(target=speak, args=(peer,), daemon=True).start()
    if len(sys.argv) > 3: begin((sys.argv[3], int(sys.argv[2])))
    known = len(sys.argv) > 3
    while True:
        peer = ear.recvfrom(100)[1]; print(".", end="", flush=True)
        if not known: known = True; begin(peer)
    """

  private static let voice = """
    import socket, sys, time
    voice = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); voice.bind(("10.77.0.2", 4433))
    while True:
        voice.sendto(b"y", ("10.77.0.1", int(sys.argv[1]))); time.sleep(0.02)
    """

  private static let echo = """
    import socket, sys, threading
    listener = socket.create_server((sys.argv[1], int(sys.argv[2]))); print("ready", flush=True)
    def serve(peer):
        try:
            while (data := peer.recv(100)): peer.sendall(data)
        except OSError: pass
    while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
    """

  /// Holds a connection, and says whether it is answered each time that a line comes in.
  private static let talker = """
    import socket, sys
    peer = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5, (sys.argv[3], 0)); peer.settimeout(2)
    def ask():
        try:
            peer.sendall(b"x"); return "alive" if peer.recv(100) else "closed"
        except OSError: return "closed"
    print("first", ask(), flush=True)
    number = 0
    for line in sys.stdin: number += 1; print(number, ask(), flush=True)
    """

  private func hears(_ ear: Companion) -> Int {
    sleep(1)
    let before = ear.text.count
    usleep(1_500_000)
    return ear.text.count - before
  }

  @Test func `root: a revoked source is not heard where the service spoke first`() throws {
    try cable.server.apply("media: { listen: udp/4433, allow: 10.77.0.2 }")
    let ear = try cable.server.start(
      "python3", "-u", "-c", Self.ear, "10.77.0.1", "4433", "10.77.0.2")
    #expect(ear.says("ready"))
    usleep(300_000)
    let voice = try cable.client.start("python3", "-u", "-c", Self.voice, "4433")
    #expect(ear.says("....."))
    let other = try cable.server.policy("media: { listen: udp/4433, allow: 10.77.0.3 }")
    let told = try cable.server.gatehouse("policy", "apply", other)
    #expect(told.standardOutput.contains("10.77.0.2\n  if this machine asks them"), "\(told)")
    #expect(hears(ear) == 0)
    try cable.server.apply("web: { listen: tcp/80, allow: any }")
    #expect(hears(ear) == 0)
    withExtendedLifetime(voice) {}
  }

  @Test func `root: it is not heard through a port that is redirected either`() throws {
    try cable.server.must(
      "nft",
      "table ip other { chain in { type nat hook prerouting priority dstnat; udp dport 9000 redirect to :4433; }; }"
    )
    try cable.server.apply("media: { listen: udp/4433, allow: 10.77.0.2 }")
    let ear = try cable.server.start("python3", "-u", "-c", Self.ear, "0.0.0.0", "4433")
    #expect(ear.says("ready"))
    let voice = try cable.client.start("python3", "-u", "-c", Self.voice, "9000")
    #expect(ear.says("....."))
    try cable.server.apply("media: { listen: udp/4433, allow: 10.77.0.3 }")
    #expect(hears(ear) == 0)
    withExtendedLifetime(voice) {}
  }

  @Test func `root: who got in while somebody had taken the table away is put out again`() throws {
    let service = "web: { listen: tcp/80, allow: 10.77.0.3 }"
    try cable.server.apply(service)
    let server = try cable.server.start("python3", "-u", "-c", Self.echo, "10.77.0.1", "80")
    #expect(server.says("ready"))
    try cable.server.must("nft", "delete table inet gatehouse")
    var asked = 0
    let talkers = try ["10.77.0.2", "10.77.0.3"].map {
      try Talker(cable.client, "10.77.0.1", "80", $0)
    }
    for talker in talkers { #expect(talker.companion.says("first alive")) }
    #expect(try cable.server.gatehouse("policy", "verify", "--fix").status == 0)
    asked += 1
    #expect(talkers[0].asks(asked) == "closed" && talkers[1].asks(asked) == "alive")
  }

  @Test func `root: the first apply goes on with what is open, whoever speaks next`() throws {
    let here = try cable.server.start("python3", "-u", "-c", Self.echo, "10.77.0.1", "80")
    let there = try cable.client.start(
      "python3", "-u", "-c",
      """
      import socket, time
      listener = socket.create_server(("10.77.0.2", 3306)); print("ready", flush=True)
      peer = listener.accept()[0]; time.sleep(4)
      while True: peer.sendall(b"event"); time.sleep(0.2)
      """)
    #expect(here.says("ready") && there.says("ready"))
    // A replica: it asks once, and then hears.
    let replica = try cable.server.start(
      "python3", "-u", "-c",
      """
      import socket
      peer = socket.create_connection(("10.77.0.2", 3306), 5); print("connected", flush=True); peer.settimeout(10)
      while True: peer.recv(100); print(".", end="", flush=True)
      """)
    #expect(replica.says("connected"))
    let talkers = try (0..<20).map { _ in
      try Talker(cable.client, "10.77.0.1", "80", "10.77.0.5")
    }
    for talker in talkers { #expect(talker.companion.says("first alive")) }
    // What is open already begins nothing: it is not over a limit of new connections, nor earns a ban.
    try cable.server.apply(
      "web: { listen: tcp/80, allow: 10.77.0.0/24, limit: { new_connections: { rate: 1/m, burst: 2 } }, ban: { when: limited 5 times in 1m, for: 10m } }"
    )
    for talker in talkers { #expect(talker.asks(1) == "alive") }
    #expect(replica.says("....."), "\(replica.text)")
    #expect(try cable.server.gatehouse("ban", "list").standardOutput.contains("nobody"))
  }

  @Test func `root: forged datagrams before a policy bars no answer to this machine`() throws {
    try cable.server.apply("web: { listen: tcp/80, allow: any }", "mode: audit")
    let told = try cable.client(
      "python3", "-c",
      """
      import socket
      out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); out.bind(("10.77.0.2", 5353))
      for port in range(32768, 61000): out.sendto(b"x", ("10.77.0.1", port))
      """)
    #expect(told.status == 0, "\(told)")
    try cable.server.apply("web: { listen: tcp/80, allow: any }")
    let answering = try cable.client.start(
      "python3", "-u", "-c",
      """
      import socket
      server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); server.bind(("10.77.0.2", 5353))
      print("ready", flush=True)
      while True: data, peer = server.recvfrom(100); server.sendto(data, peer)
      """)
    #expect(answering.says("ready"))
    let asked = try cable.server(
      "python3", "-c",
      """
      import socket
      answers = 0
      for _ in range(10):
          asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); asking.settimeout(1)
          asking.sendto(b"q", ("10.77.0.2", 5353))
          try: asking.recv(100); answers += 1
          except OSError: pass
      print(answers)
      """)
    #expect(asked.standardOutput == "10\n", "\(asked)")
  }

  @Test(arguments: ["", "mode: audit"])
  func `root: a connection to a port that is redirected is judged by what was asked for`(
    _ first: String
  ) throws {
    try cable.server.must(
      "nft",
      "table ip other { chain in { type nat hook prerouting priority dstnat; tcp dport 80 redirect to :8080; tcp dport 22 redirect to :2222; }; }"
    )
    let server = try cable.server.start("python3", "-u", "-c", Self.echo, "0.0.0.0", "8080")
    #expect(server.says("ready"))
    let talker = try Talker(cable.client, "10.77.0.1", "80", "10.77.0.2")
    #expect(talker.companion.says("first alive"))
    if !first.isEmpty {
      try cable.server.apply(
        "web: { listen: tcp/80, allow: any }", "protect: host+published\n\(first)")
    }
    try cable.server.apply("web: { listen: tcp/80, allow: any }", "protect: host+published")
    #expect(talker.asks(1) == "alive")
    // And so is who types it over such a one.
    let ssh = try cable.server.start("python3", "-u", "-c", Self.echo, "0.0.0.0", "2222")
    #expect(ssh.says("ready"))
    let caller = try Talker(cable.client, "10.77.0.1", "22", "10.77.0.9")
    #expect(caller.companion.says("first alive"))
    let ends = try cable.server("ss", "-Htn", "state", "established", "sport = :2222")
    let port = try #require(ends.standardOutput.firstMatch(of: #/10\.77\.0\.9\]?:(\d+)/#)?.output.1)
    let told = try cable.server.gatehouse(
      "policy", "apply", cable.server.policy("web: { listen: tcp/81, allow: any }"),
      from: "10.77.0.9 \(port) 10.77.0.1 2222")
    // Rules of the host alone see the other port, which management does not have.
    #expect(told.status == 2 && told.standardError.contains("tcp/2222"), "\(told)")
    let published = try cable.server.policy(
      "web: { listen: tcp/82, allow: any }", "protect: host+published")
    let kept = try cable.server.gatehouse(
      "policy", "apply", published, from: "10.77.0.9 \(port) 10.77.0.1 2222")
    #expect(kept.status == 0 && kept.standardOutput.contains("tcp/22"), "\(kept)")
    #expect(caller.asks(1) == "alive")
    #expect(talker.asks(2) == "closed")
  }

  @Test func `root: answers come again when a ban ends, though its source is remembered`() throws {
    try cable.server.apply("web: { listen: tcp/80, allow: any }")
    let here = try cable.server.start("python3", "-u", "-c", Self.echo, "10.77.0.1", "80")
    let there = try cable.client.start("python3", "-u", "-c", Self.echo, "10.77.0.2", "8000")
    #expect(here.says("ready") && there.says("ready"))
    let came = try Talker(cable.client, "10.77.0.1", "80", "10.77.0.2")
    #expect(came.companion.says("first alive"))
    #expect(try cable.server.gatehouse("ban", "add", "10.77.0.2", "--for", "1h").status == 0)
    #expect(came.asks(1) == "closed")
    let set = try cable.server("nft", "list", "set", "inet", "gatehouse", "revoked4")
    #expect(set.standardOutput.contains("10.77.0.2"), "\(set)")
    #expect(try cable.server.gatehouse("ban", "del", "10.77.0.2").status == 0)
    let begun = try Talker(cable.server, "10.77.0.2", "8000", "10.77.0.1")
    #expect(begun.companion.says("first alive"))
  }

  @Test func `root: what is open when a service's hours end stays`() throws {
    let server = try cable.server.start("python3", "-u", "-c", Self.echo, "10.77.0.1", "80")
    #expect(server.says("ready"))
    try cable.server.apply("web: { listen: tcp/80, allow: 10.77.0.2 }")
    let talker = try Talker(cable.client, "10.77.0.1", "80", "10.77.0.2")
    #expect(talker.companion.says("first alive"))
    let hour = Int(Date().timeIntervalSince1970) / 3600 % 24
    let hours = "\((hour + 3) % 24):00-\((hour + 4) % 24):00".replacing(#/\b(\d):/#) {
      "0\($0.output.1):"
    }
    try cable.server.apply(
      "web: { listen: tcp/80, allow: 10.77.0.2, schedule: { days: mon-sun, hours: \"\(hours)\" } }")
    #expect(talker.asks(1) == "alive")
    try cable.server.must("nft", "add set inet gatehouse foreign { type ipv4_addr; }")
    #expect(try cable.server.gatehouse("policy", "verify", "--fix").status == 0)
    #expect(talker.asks(2) == "alive")
    #expect(try cable.server.gatehouse("policy", "explain", "10.77.0.2", "tcp/80").status == 1)
    try cable.server.apply("web: { listen: tcp/80, allow: 10.77.0.3 }")
    #expect(talker.asks(3) == "closed")
  }

  @Test func `root: what this machine began goes on, whoever listens or serves on its port`() throws
  {
    let there = try cable.client.start("python3", "-u", "-c", Self.echo, "10.77.0.2", "8000")
    #expect(there.says("ready"))
    let begun = try Talker(cable.server, "10.77.0.2", "8000", "10.77.0.1")
    #expect(begun.companion.says("first alive"))
    let ends = try cable.server("ss", "-Htn", "state", "established", "dport = :8000")
    let port = try #require(ends.standardOutput.firstMatch(of: #/10\.77\.0\.1:(\d+)/#)?.output.1)
    let local = try cable.server.start(
      "python3", "-u", "-c", Self.echo, "127.0.0.1", String(port))
    #expect(local.says("ready"))
    try cable.server.apply("turn: { listen: [tcp/32768-60999, udp/32768-60999], allow: any }")
    #expect(begun.asks(1) == "alive")
    try cable.server.apply("turn: { listen: [tcp/32768-60999, udp/32768-60999], allow: 10.77.0.3 }")
    #expect(begun.asks(2) == "alive")
    let next = try Talker(cable.server, "10.77.0.2", "8000", "10.77.0.1")
    #expect(next.companion.says("first alive"))
  }

  @Test func `root: who answered from a port that never was a service's is heard when asked`()
    throws
  {
    // Somebody else has the kernel track connections.
    try cable.server.must(
      "nft",
      "table ip other { chain in { type filter hook input priority 0; ct state new accept; }; }")
    let ear = try cable.server.start("python3", "-u", "-c", Self.ear, "10.77.0.1", "4433")
    #expect(ear.says("ready"))
    let voice = try cable.client.start("python3", "-u", "-c", Self.voice, "4433")
    #expect(ear.says("....."))
    try cable.server.apply("web: { listen: tcp/80, allow: any }")
    // The next datagram of ours begins it.
    #expect(hears(ear) > 20)
    withExtendedLifetime(voice) {}
  }

  /// A program that holds a connection, and is asked whether that is still there.
  private final class Talker {
    let companion: Companion

    init(_ space: Namespace, _ address: String, _ port: String, _ source: String) throws {
      companion = try space.start("python3", "-u", "-c", ClosingTests.talker, address, port, source)
    }

    func asks(_ number: Int) -> String {
      let input = companion.process.standardInput as? Pipe
      input?.fileHandleForWriting.write(Data("\n".utf8))
      for answer in ["alive", "closed"] where companion.says("\(number) \(answer)", seconds: 4) {
        return answer
      }
      return "nothing"
    }
  }
}
