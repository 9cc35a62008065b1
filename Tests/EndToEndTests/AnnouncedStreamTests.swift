import Foundation
import Glibc
import Testing

/// The PROXY protocol before and behind listeners that move bytes, with HAProxy, nginx and MariaDB.
@Suite(.serialized) struct AnnouncedStreamTests {
  /// A gate whose listener `tcp` sends to `servers`; of `listener`, settings behind the backend's name.
  private static func gate(
    _ servers: [UInt16], _ port: UInt16, listener: String = "", backend: String = "",
    policy: ((UInt16) -> String)? = nil, extra: String = ""
  ) throws -> Gate {
    try Gate(
      [.named("s1")], extra: extra, policy: policy,
      edit: {
        let list = servers.map { "\"127.0.0.1:\($0)\"" }.joined(separator: ", ")
        return $0.replacing(
          "listeners:\n",
          with: """
            listeners:
              tcp: { bind: ["127.0.0.1:\(port)", "[::1]:\(port)"], backend: db\(listener) }

            """
        ).replacing(
          "backends:\n", with: "backends:\n  db: { servers: [\(list)]\(backend) }\n")
      })
  }

  /// Notes what it has got at each time, and says how much.
  private static func echo() -> Origin {
    Origin { connection, origin in
      var all = Data()
      while true {
        let next = connection.receive()
        guard !next.isEmpty else { return }
        all += next
        origin.note(String(decoding: all, as: UTF8.self))
        connection.send("got \(all.count)\n")
      }
    }
  }

  /// As `mariadb` says it: from where the server thinks that the client is.
  private static func user(_ host: String, _ port: UInt16) throws -> String {
    let output = try run(
      "mariadb",
      [
        "--no-defaults", "-h", host, "-P", "\(port)", "-u", MariaDB.app.user,
        "-p\(MariaDB.app.password)", "--protocol=TCP", "--connect-timeout=10", "--skip-ssl", "-NBe",
        "SELECT USER()",
      ])
    return output.status == 0
      ? output.standardOutput.trimmingCharacters(in: .whitespacesAndNewlines)
      : output.standardError
  }

  private static func database() throws -> MariaDB {
    // Without a header they are served as they are, with one as it says: the gate alone is believed.
    try MariaDB(id: 1, options: ["--proxy-protocol-networks=127.0.0.1"])
  }

  /// HAProxy as a client that comes from 127.0.0.5, and as a balancer of each kind in front of a gate.
  private static func haproxy(_ folder: TemporaryFolder, _ sections: String) throws -> Companion {
    let file = try folder.write(
      "haproxy.cfg",
      """
      global
        log stderr format raw daemon
      defaults
        mode tcp
        log global
        timeout connect 5s
        timeout client 30s
        timeout server 30s
      \(sections)

      """)
    return try Companion(["haproxy", "-db", "-f", file])
  }

  private static func listens(_ port: UInt16) -> Bool {
    for _ in 0..<200 {
      if (try? RawSocket(port: port)) != nil { return true }
      usleep(50_000)
    }
    return false
  }

  @Test(arguments: ["v1", "v2"])
  func `MariaDB sees the client's own address, and checks see a server that is up`(
    _ version: String
  ) throws {
    let database = try Self.database()
    let port = RawSocket.quietPort()
    let gate = try Self.gate(
      [database.port], port,
      backend: ", proxy_protocol: \(version), health: { tcp: true, interval: 200ms }")
    let away = RawSocket.quietPort()
    let relay = try Self.haproxy(
      gate.folder,
      """
      listen away
        bind 127.0.0.1:\(away)
        server gate 127.0.0.1:\(port) source 127.0.0.5
      """)
    try #require(Self.listens(away), "\(relay.text)")
    #expect(try Self.user("127.0.0.1", away) == "app@127.0.0.5")
    #expect(try Self.user("127.0.0.1", port) == "app@127.0.0.1")
    // Over IPv6 to the gate, over IPv4 from there.
    #expect(try Self.user("::1", port) == "app@::1")
    #expect(
      try gate.waits {
        try gate.status().backends.first { $0.name == "db" }?.servers[0].health == "up"
      })
  }

  @Test func `HAProxy and nginx in front tell of the client, to the server at the end`() throws {
    let database = try Self.database()
    let port = RawSocket.quietPort()
    let gate = try Self.gate(
      [database.port], port, listener: ", proxy_protocol: { from: [127.0.0.1, \"::1\"] }",
      backend: ", proxy_protocol: v2")
    let kinds = [
      "send-proxy", "send-proxy-v2", "send-proxy-v2 check check-send-proxy inter 200",
      "send-proxy-v2 proxy-v2-options unique-id,crc32c,authority",
    ]
    let ports = kinds.map { _ in RawSocket.quietPort() }
    let away = ports.map { _ in RawSocket.quietPort() }
    var sections = ""
    for (index, kind) in kinds.enumerated() {
      sections += """

        listen front\(index)
          bind 127.0.0.1:\(ports[index])
          bind [::1]:\(ports[index])
          unique-id-format %[uuid()]
          server gate 127.0.0.1:\(port) \(kind)
        listen away\(index)
          bind 127.0.0.1:\(away[index])
          server front 127.0.0.1:\(ports[index]) source 127.0.0.5
        """
    }
    let (front, far) = (RawSocket.quietPort(), RawSocket.quietPort())
    sections += """

      listen nginx
        bind 127.0.0.1:\(far)
        server front 127.0.0.1:\(front) source 127.0.0.6
      """
    let haproxy = try Self.haproxy(gate.folder, sections)
    let folder = gate.folder.url.path
    let file = try gate.folder.write(
      "nginx.conf",
      """
      load_module /usr/lib/nginx/modules/ngx_stream_module.so;
      daemon off; master_process off; pid \(folder)/nginx.pid; error_log stderr;
      events {}
      stream {
        server {
          listen 127.0.0.1:\(front); listen [::1]:\(front);
          proxy_pass 127.0.0.1:\(port); proxy_protocol on;
        }
      }
      """)
    let nginx = try Companion(["nginx", "-c", file])
    try #require((away + [far, front]).allSatisfy(Self.listens), "\(haproxy.text) \(nginx.text)")
    for (index, kind) in kinds.enumerated() {
      #expect(try Self.user("127.0.0.1", away[index]) == "app@127.0.0.5", "\(kind)")
      #expect(try Self.user("::1", ports[index]) == "app@::1", "\(kind)")
    }
    #expect(try Self.user("127.0.0.1", far) == "app@127.0.0.6")
    #expect(try Self.user("::1", front) == "app@::1")
    // HAProxy's own checks speak for itself, and pass.
    #expect(!haproxy.text.contains("is DOWN"), "\(haproxy.text)")
  }

  @Test func `only a listed balancer is believed, and its own check is its own`() throws {
    let origin = Self.echo()
    let port = RawSocket.quietPort()
    let gate = try Self.gate(
      [origin.port], port, listener: ", proxy_protocol: { from: 127.0.0.2 }",
      backend: ", proxy_protocol: v1")
    let header = "PROXY TCP4 203.0.113.9 192.0.2.1 5000 3306\r\n"
    let listed = try RawSocket(port: port, from: "127.0.0.2")
    // A byte at a time.
    for byte in header { listed.send(String(byte)) }
    listed.send("hello")
    func isTold(_ start: String) -> Bool {
      gate.waits { origin.notes.contains { $0.hasPrefix(start) && $0.hasSuffix("\r\nhello") } }
    }
    #expect(isTold("PROXY TCP4 203.0.113.9 127.0.0.1 5000 "))
    let other = try RawSocket(port: port, from: "127.0.0.3")
    other.send("hello")
    #expect(isTold("PROXY TCP4 127.0.0.3 127.0.0.1 "))
    // A balancer's own check names nobody: it is the client then.
    let own = try RawSocket(port: port, from: "127.0.0.2")
    own.send(Data([13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10, 0x20, 0, 0, 0]))
    own.send("hello")
    #expect(isTold("PROXY TCP4 127.0.0.2 127.0.0.1 "))
  }

  /// MariaDB believes the last header that comes before the login, whoever sent it.
  @Test func `no client tells the server who he is, at once or little by little`() throws {
    let database = try Self.database()
    let origin = Self.echo()
    let (port, plain, echo) = (
      RawSocket.quietPort(), RawSocket.quietPort(), RawSocket.quietPort()
    )
    let gate = try Self.gate(
      [database.port], port, listener: ", proxy_protocol: { from: 127.0.0.2 }",
      backend: ", proxy_protocol: v2")
    try gate.rewrite {
      $0.replacing(
        "listeners:\n",
        with: """
          listeners:
            echo: { bind: "127.0.0.1:\(echo)", backend: echo }
            plain: { bind: "127.0.0.1:\(plain)", backend: plain }

          """
      ).replacing(
        "backends:\n",
        with: """
          backends:
            echo: { servers: ["127.0.0.1:\(origin.port)"], proxy_protocol: v1 }
            plain: { servers: ["127.0.0.1:\(origin.port)"] }

          """)
    }
    #expect(try gate.command("apply", "--socket", gate.socket).status < 2)
    // HAProxy is the liar: it sends a header to a gate that does not list it.
    let (lie, twice) = (RawSocket.quietPort(), RawSocket.quietPort())
    let liar = try Self.haproxy(
      gate.folder,
      """
      listen lie
        bind 127.0.0.1:\(lie)
        server gate 127.0.0.1:\(port) send-proxy source 127.0.0.3
      listen twice
        bind 127.0.0.1:\(twice)
        server again 127.0.0.1:\(lie) send-proxy-v2
      """)
    try #require(Self.listens(twice), "\(liar.text)")
    #expect(try !Self.user("127.0.0.1", lie).hasPrefix("app@"))
    #expect(try !Self.user("127.0.0.1", twice).hasPrefix("app@"))
    #expect(try Self.user("127.0.0.1", port) == "app@127.0.0.1")
    for header in ["PROXY TCP4 6.6.6.6 ", "\r\n\r\n\0\r\nQUIT\n!"] {
      let client = try RawSocket(port: echo)
      for byte in header.utf8 { client.send(Data([byte])) }
      // Of the server there may be the answer to what the gate itself says.
      let answer = String(decoding: client.receiveAll(), as: UTF8.self)
      #expect(answer.isEmpty || answer.hasPrefix("got "), "\(header.debugDescription)")
      #expect(client.isAtEnd, "\(header.debugDescription)")
      let told = origin.notes.filter { $0.hasPrefix("PROXY TCP4 127.0.0.1 ") }
      #expect(told.allSatisfy { $0.hasSuffix("\r\n") && $0.count { $0.isNewline } == 1 }, "\(told)")
      // A listener whose server is told of nobody passes on what comes.
      let other = try RawSocket(port: plain)
      other.send(header)
      #expect(other.receive(until: "\n").hasPrefix("got "))
    }
    // What only begins like one is passed on, at the end at the latest.
    for text in ["PROXIMA", "PRO", "\r\n\r\nhello"] {
      let client = try RawSocket(port: echo)
      client.send(text)
      client.finishSending()
      #expect(client.receive(until: "\n").hasPrefix("got "))
      #expect(
        gate.waits { origin.notes.contains { $0.hasSuffix("\r\n\(text)") } },
        "\(origin.notes)")
    }
  }

  @Test(arguments: ["half a header", "too long a header", "no header", "nothing"])
  func `a listed balancer that does not tell of its client in time is cut off`(_ what: String)
    throws
  {
    let origin = Self.echo()
    let port = RawSocket.quietPort()
    let gate = try Self.gate(
      [origin.port], port, listener: ", proxy_protocol: { from: 127.0.0.2 }",
      extra: "timeouts: { handshake: 1s }")
    let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]
    let client = try RawSocket(port: port, from: "127.0.0.2")
    switch what {
    case "half a header": client.send("PROXY TCP4 203.0.113.9 ")
    case "too long a header":
      client.send(Data(signature + [0x21, 0x11, 0x10, 0] + [UInt8](repeating: 0, count: 4096)))
    case "no header": client.send("hello, I am no header at all\n")
    default: break
    }
    #expect(client.receiveAll().isEmpty)
    #expect(origin.notes.isEmpty)
    _ = gate
  }

  /// Also of connections that are open when the policy changes.
  @Test func `the policy is asked for the balancer and for the client, now and after a change`()
    throws
  {
    let origin = Origin { connection, _ in
      connection.send("hello\n")
      _ = connection.receiveAll()
    }
    let port = RawSocket.quietPort()
    func policy(_ allowed: String) -> (UInt16) -> String {
      { https in
        """
        version: 1
        management: { from: [127.0.0.7], to: [tcp/22] }
        services:
          web: { listen: [tcp/\(https)], allow: [127.0.0.9] }
          db: { listen: [tcp/\(port)], allow: [\(allowed)] }
        """
      }
    }
    let gate = try Self.gate(
      [origin.port], port, listener: ", proxy_protocol: { from: [127.0.0.2, 127.0.0.3] }",
      policy: policy("127.0.0.2, 203.0.113.0/24"))
    func come(_ balancer: String, _ client: String) throws -> RawSocket {
      let socket = try RawSocket(port: port, from: balancer)
      socket.send("PROXY TCP4 \(client) 192.0.2.1 5000 3306\r\n")
      return socket
    }
    #expect(try come("127.0.0.2", "198.51.100.1").receiveAll().isEmpty)
    #expect(try come("127.0.0.3", "203.0.113.9").receiveAll().isEmpty)
    let open = try come("127.0.0.2", "203.0.113.9")
    #expect(open.receive(until: "\n") == "hello\n")
    // The client may still come, but no longer over this balancer.
    let path = gate.folder.url.appendingPathComponent("policy.yaml").path
    try policy("127.0.0.3, 203.0.113.0/24")(gate.https)
      .write(toFile: path, atomically: true, encoding: .utf8)
    #expect(try gate.command("apply", "--socket", gate.socket).status < 2)
    #expect(open.receiveAll().isEmpty)
    #expect(try come("127.0.0.3", "203.0.113.9").receive(until: "\n") == "hello\n")
  }
}
