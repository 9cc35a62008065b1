internal import Glibc

/// Puts TXT records into the DNS and takes them out, by a program or by RFC 2136.
struct DNSRecordWriter {
  static let limit = Duration.seconds(60)
  private static let nsupdate = "/usr/bin/nsupdate"
  private static let timeToLive = 60

  enum Change: String { case present, cleanup }

  let publisher: DNSPublisher

  func make(_ change: Change, name: String, value: String) throws(ACMEError) {
    switch publisher {
    case .hook(let path):
      try run(path, [change.rawValue, name, value], input: "", missing: "no such hook program")
    case .update(let server, let port, let keyPath):
      let verb =
        switch change {
        case .present: "update add \(name) \(Self.timeToLive) TXT \"\(value)\""
        case .cleanup: "update delete \(name) TXT \"\(value)\""
        }
      guard case .address? = ServerName(server) else {
        throw ACMEError(server, "not an address; name the DNS server by its IP address")
      }
      try run(
        Self.nsupdate, (keyPath.map { ["-k", $0] } ?? []) + ["-t", "20"],
        input: "server \(server) \(port)\n\(verb)\nsend\n",
        missing: "not installed; type: apt-get install bind9-dnsutils")
    }
  }

  private func run(
    _ path: String, _ arguments: [String], input: String, missing: String
  ) throws(ACMEError) {
    guard Disk.exists(path) else { throw ACMEError(path, missing) }
    guard let ended = ChildProcess.run(path, arguments, input: input, limit: Self.limit) else {
      throw ACMEError(
        path, "cannot be run: \(Socket.words(errno)); is it executable, with a #! line?")
    }
    let said = ended.output.isEmpty ? "it said nothing" : "it said: \(ended.output)"
    if ended.isOutOfTime {
      throw ACMEError(path, "not done after \(Self.limit.components.seconds) s; \(said)")
    }
    guard let status = ended.status else { throw ACMEError(path, "was killed; \(said)") }
    guard status == 0 else { throw ACMEError(path, "failed with exit code \(status); \(said)") }
  }
}
