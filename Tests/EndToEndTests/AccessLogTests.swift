import Foundation
import Testing

/// What the access log tells, and that it never stands in the way.
@Suite struct AccessLogTests {
  static func gate(
    _ origins: [Origin], _ log: String = "{ to: access.log }", redirects: Bool = false,
    policy: ((UInt16) -> String)? = nil, edit: (String) -> String = { $0 }
  ) throws -> Gate {
    try Gate(origins, redirects: redirects, extra: "log: \(log)", policy: policy, edit: edit)
  }

  static func lines(_ gate: Gate, _ name: String = "access.log") -> [String] {
    let file = gate.folder.url.appendingPathComponent(name)
    return ((try? String(contentsOf: file, encoding: .utf8)) ?? "").split(separator: "\n")
      .map(String.init)
  }

  static func objects(_ lines: [String]) throws -> [[String: Any]] {
    try lines.map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  @Test func `each exchange is one line of JSON with its facts, and no secret`() throws {
    let gate = try Self.gate([.named("s1")])
    _ = try gate.curl(
      "-H", "Authorization: Bearer hidden", "-H", "Cookie: a=hidden", "-d", "12345",
      path: "/orders?x=1&token=hidden")
    #expect(gate.waits { Self.lines(gate).count == 1 })
    let line = try #require(try Self.objects(Self.lines(gate)).first)
    #expect(line["method"] as? String == "POST" && line["host"] as? String == "www.test")
    #expect(line["path"] as? String == "/orders?x=1&token=***")
    #expect(line["status"] as? Int == 200 && line["term"] as? String == "--")
    #expect(line["listener"] as? String == "https" && line["route"] as? String == "*/**")
    #expect(line["backend"] as? String == "web" && line["server"] as? String == "s1")
    #expect(line["client_ip"] as? String == "127.0.0.1" && line["client_port"] as? Int ?? 0 > 0)
    #expect(line["bytes_in"] as? Int ?? 0 > 100 && line["bytes_out"] as? Int ?? 0 > 50)
    let times = try #require(line["t"] as? [String: Double])
    #expect(
      Set(times.keys) == ["req_ms", "queue_ms", "connect_ms", "ttfb_ms", "total_ms"])
    #expect(times["total_ms"] ?? 0 >= times["ttfb_ms"] ?? 1)
    let tls = try #require(line["tls"] as? [String: Any])
    #expect(tls["version"] as? String == "TLSv1.3" && tls["sni"] as? String == "www.test")
    #expect((tls["cipher"] as? String ?? "").hasPrefix("TLS_"))
    #expect((line["policy"] as? [String: String])?["verdict"] == "none")
    #expect((line["req_id"] as? String)?.count == 32)
    #expect(!Self.lines(gate).joined().contains("hidden"))
    let mode = try FileManager.default.attributesOfItem(
      atPath: gate.folder.url.appendingPathComponent("access.log").path)[.posixPermissions]
    #expect(mode as? Int == 0o640)
    // The commands' own requests are not in it.
    #expect(try gate.status().log?.written == 1)
  }

  @Test func `what is refused is told with its own reason`() throws {
    let gate = try Self.gate([.named("s1")])
    _ = try gate.raw("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    #expect(gate.waits { Self.lines(gate).count == 1 })
    let line = try #require(try Self.objects(Self.lines(gate)).first)
    #expect(line["term"] as? String == "PR" && line["status"] as? Int == 400)
    #expect(line["term_reason"] as? String == "Host is there twice")
    #expect(line["tls"] == nil && line["method"] as? String == "")
  }

  @Test func `a file that is moved away loses no line under load`() throws {
    let server = try PlainServer("s1")
    let gate = try Self.gate(
      [],
      edit: {
        $0.replacingOccurrences(
          of: "servers:\n", with: "servers: [\"127.0.0.1:\(server.port)\"]\n")
      })
    let load = Load(port: gate.http, readers: 4, writers: 0)
    var files: [String] = []
    for number in 0..<4 {
      #expect(load.run(100))
      let file = gate.folder.url.appendingPathComponent("access.log").path
      try FileManager.default.moveItem(atPath: file, toPath: "\(file).\(number)")
      files.append("access.log.\(number)")
      gate.signal(SIGUSR1)
      #expect(gate.waits { FileManager.default.fileExists(atPath: file) })
    }
    #expect(load.run(100))
    let seen = load.end().count { $0.status == 200 }
    files.append("access.log")
    func all() -> [String] { files.flatMap { Self.lines(gate, $0) } }
    #expect(gate.waits { all().count >= seen })
    let lines = try Self.objects(all())
    #expect(lines.count { $0["status"] as? Int == 200 } >= seen)
    #expect(Set(lines.compactMap { $0["req_id"] as? String }).count == lines.count)
    let counted = try gate.status()
    #expect(counted.log?.written == UInt64(lines.count) && counted.log?.dropped == 0)
  }

  @Test func `a FIFO that nobody reads holds up nothing, and what is lost is counted`() throws {
    let folder = try TemporaryFolder()
    let fifo = folder.url.appendingPathComponent("fifo").path
    let made = unsafe mkfifo(fifo, 0o600)
    #expect(made == 0)
    let gate = try Self.gate([.named("s1")], "{ to: \(fifo), buffer: 64KiB }")
    let path = "/" + String(repeating: "a", count: 2000)
    for _ in 0..<60 {
      let answer = try gate.raw(
        "GET \(path) HTTP/1.1\r\nHost: www.test\r\nConnection: close\r\n\r\n")
      #expect(answer.hasPrefix("HTTP/1.1 200"))
    }
    let status = try gate.status()
    #expect(status.log?.dropped ?? 0 > 0 && status.log?.written == 0)
    #expect(status.log?.trouble?.contains("nobody reads it") == true)
    #expect(gate.log.components(separatedBy: "nobody reads it").count == 2)
  }

  @Test func `halog reads the lines of httplog, with how they ended`() throws {
    let good = Origin.named("s1")
    let gate = try Self.gate([good], "{ to: access.log, format: httplog }")
    for _ in 0..<5 { _ = try gate.curl(path: "/a") }
    _ = try gate.raw("GET /b HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    #expect(gate.waits { Self.lines(gate).count == 6 })
    func halog(_ option: String) throws -> String {
      let file = gate.folder.url.appendingPathComponent("access.log")
      let output = try run("/usr/bin/halog", [option], input: try Data(contentsOf: file))
      return output.standardOutput
    }
    #expect(try halog("-st").contains("200 5"))
    #expect(try halog("-st").contains("400 1"))
    #expect(try halog("-tc").contains("PR 1"))
    #expect(try halog("-tc").contains("-- 5"))
    #expect(try halog("-srv").contains("web/s1"))
    #expect(try halog("-u").contains("/a"))
  }

  @Test func `rsyslogd takes it as RFC 5424 tells it`() throws {
    let folder = try TemporaryFolder()
    let base = folder.url.path
    _ = try folder.write(
      "rsyslog.conf",
      """
      module(load="imuxsock" SysSock.Use="off")
      input(type="imuxsock" Socket="\(base)/log" UseSpecialParser="off" ParseHostname="on")
      template(name="t" type="string" string="%syslogfacility-text%|%syslogseverity-text%|%app-name%|%msgid%|%msg%\\n")
      action(type="omfile" file="\(base)/out" template="t")

      """)
    let daemon = try Companion([
      "rsyslogd", "-n", "-f", "\(base)/rsyslog.conf", "-i", "\(base)/pid",
    ])
    for _ in 0..<100 where !FileManager.default.fileExists(atPath: "\(base)/log") {
      usleep(100_000)
    }
    let gate = try Self.gate([.named("s1")], "{ to: \"syslog:unix:\(base)/log\" }")
    _ = try gate.curl(path: "/a")
    func out() -> String { (try? String(contentsOfFile: "\(base)/out", encoding: .utf8)) ?? "" }
    #expect(gate.waits { out().contains("\"path\":\"/a\"") }, "\(daemon.text)\(gate.log)")
    #expect(out().hasPrefix("local0|info|gatehouse|access|"))
  }

  @Test func `the format is another after an apply, and no line is lost`() throws {
    let gate = try Self.gate([.named("s1")])
    _ = try gate.curl(path: "/a")
    try gate.rewrite {
      $0.replacingOccurrences(of: "to: access.log", with: "to: other.log, format: combined")
    }
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    _ = try gate.curl("-A", "agent \"x\"", path: "/b")
    #expect(gate.waits { Self.lines(gate, "other.log").count == 1 })
    #expect(Self.lines(gate).count == 1)
    #expect(Self.lines(gate, "other.log")[0].hasSuffix("\"-\" \"agent \\x22x\\x22\""))
    try gate.rewrite { $0.replacingOccurrences(of: "other.log", with: "no/other.log") }
    let refused = try gate.command("apply", "--socket", gate.socket)
    #expect(refused.status == 2 && refused.standardError.contains("folder that is not there"))
    _ = try gate.curl(path: "/c")
    #expect(gate.waits { Self.lines(gate, "other.log").count == 2 })
  }
}

/// Where else lines go.
@Suite struct LogTargetTests {
  /// A receiver in Python: prints what comes as one line of its bytes' representation each.
  private static func receiver(_ folder: TemporaryFolder, _ body: String) throws -> Companion {
    let path = try folder.write("receiver.py", "import socket, sys\n\(body)\n")
    let companion = try Companion(["python3", "-u", path, folder.url.path])
    #expect(companion.says("ready"))
    return companion
  }

  @Test func `the journal's native protocol gets fields and the line`() throws {
    let folder = try TemporaryFolder()
    let receiver = try Self.receiver(
      folder,
      """
      s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
      s.bind(sys.argv[1] + "/journal")
      print("ready")
      while True:
          for line in s.recv(65536).decode().split("\\n"):
              if line and not line.partition("=")[0].replace("_", "").isupper():
                  print("no field:", line)
              print(line)
      """)
    let gate = try AccessLogTests.gate(
      [.named("s1")], "{ to: \"journald:\(folder.url.path)/journal\" }")
    _ = try gate.curl(path: "/a")
    #expect(receiver.says("MESSAGE={\"ts\""))
    for field in ["PRIORITY=6", "SYSLOG_IDENTIFIER=gatehouse", "GATEHOUSE_STATUS=200"] {
      #expect(receiver.text.contains(field))
    }
    #expect(!receiver.text.contains("no field"))
  }

  @Test
  func `over TCP each message has its length before it, and the line goes out once it is back`()
    throws
  {
    let folder = try TemporaryFolder()
    let port = RawSocket.freePort()
    let gate = try AccessLogTests.gate([.named("s1")], "{ to: \"syslog:tcp:127.0.0.1:\(port)\" }")
    _ = try gate.curl(path: "/a")
    #expect(try gate.waits { try gate.status().log?.trouble != nil })
    let receiver = try Self.receiver(
      folder,
      """
      s = socket.socket()
      s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
      s.bind(("127.0.0.1", \(port)))
      s.listen()
      print("ready")
      f = s.accept()[0].makefile("rb")
      while True:
          count = b""
          while not count.endswith(b" "):
              count += f.read(1)
          print("got", f.read(int(count)).decode())
      """)
    #expect(receiver.says("got <134>1 20", seconds: 20))
    _ = try gate.curl(path: "/b")
    #expect(receiver.says("\"path\":\"/b\""))
    #expect(receiver.text.contains("\"path\":\"/a\""))
    #expect(try gate.waits { try gate.status().log?.trouble == nil })
  }

  @Test func `standard error gets lines among the program's own`() throws {
    let gate = try AccessLogTests.gate([.named("s1")], "{ to: stderr }")
    _ = try gate.curl(path: "/a")
    #expect(gate.waitForLog("\"path\":\"/a\""))
  }

  @Test(arguments: [
    ("sylog:udp:127.0.0.1:514", "is neither a known target nor a plain path"),
    ("syslog:udp:localhost:514", "is no syslog target"), ("certs", "is a folder"),
  ])
  func `a target that cannot be is told with its place`(_ target: String, _ why: String) throws {
    let gate = try AccessLogTests.gate([.named("s1")])
    try gate.rewrite { $0.replacingOccurrences(of: "to: access.log", with: "to: \"\(target)\"") }
    let output = try gate.command("check", "-c", gate.path)
    #expect(output.status == 2)
    #expect(output.standardOutput.contains("gatehouse.yaml:"), "\(output.standardOutput)")
    #expect(output.standardOutput.contains(why), "\(output.standardOutput)")
  }
}
