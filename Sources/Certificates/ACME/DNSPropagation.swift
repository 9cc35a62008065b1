internal import Glibc
internal import Names

/// Waits until the servers that answer for a name have a TXT record.
struct DNSPropagation: Sendable {
  /// How long a record may take to arrive.
  static let limit = Duration.seconds(120)
  private static let pause = Duration.milliseconds(500)
  private static let serverLimit = 4

  /// Who is asked which servers answer for a name; nil asks nobody.
  var resolver: DNSServer? = Self.systemResolver
  /// Where those servers listen.
  var port: UInt16 = 53
  var limit = Self.limit

  enum Outcome: Equatable {
    case arrived
    /// No server could be asked, so nothing is known.
    case unknown
    /// Servers that answer and do not have it.
    case missing([String])
  }

  func wait(for value: String, at name: String, by publisher: DNSPublisher) -> Outcome {
    let servers =
      switch publisher {
      case .hook: authoritativeServers(for: name)
      case .update(let server, let port, _): (name, [DNSServer(address: server, port: port)])
      }
    return wait(for: value, at: servers.0, on: servers.1)
  }

  private func wait(for value: String, at name: String, on servers: [DNSServer]) -> Outcome {
    let deadline = Deadline(after: limit)
    while true {
      var answered = 0
      var missing: [String] = []
      for server in servers {
        guard let answer = server.ask(name, .text, wantsRecursion: false) else { continue }
        // Too long for a packet, refused, or broken there: nothing is known from it.
        guard !answer.isTruncated, [0, 3].contains(answer.code) else { continue }
        answered += 1
        let texts = answer.answers.filter { $0.kind == DNSMessage.Kind.text.rawValue }
        if !texts.contains(where: { $0.value == value }) { missing.append(server.address) }
      }
      if answered == 0 { return .unknown }
      if missing.isEmpty { return .arrived }
      if deadline.isPassed { return .missing(missing) }
      deadline.sleep(Self.pause)
    }
  }

  /// Follows an alias, then climbs until a zone is found, and asks for its servers' addresses.
  func authoritativeServers(for name: String) -> (name: String, servers: [DNSServer]) {
    var name = name.hasSuffix(".") ? String(name.dropLast()) : name
    guard let resolver else { return (name, []) }
    let aliases = resolver.ask(name, .alias, wantsRecursion: true)?.answers ?? []
    if let alias = aliases.first(where: { $0.kind == DNSMessage.Kind.alias.rawValue }) {
      name = alias.value
    }
    var zone = name[...]
    // The last label is a registry's zone, never ours.
    while zone.contains(".") {
      guard let answer = resolver.ask(String(zone), .nameServer, wantsRecursion: true) else {
        return (name, [])
      }
      let hosts = answer.answers.filter {
        $0.kind == DNSMessage.Kind.nameServer.rawValue && $0.name == zone
      }
      if !hosts.isEmpty {
        return (name, hosts.prefix(Self.serverLimit).flatMap { addresses(of: $0.value) })
      }
      zone = zone.drop { $0 != "." }.dropFirst()
    }
    return (name, [])
  }

  /// The first address of a host; a server that cannot be found is not waited for.
  private func addresses(of host: String) -> [DNSServer] {
    var list: UnsafeMutablePointer<addrinfo>?
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
    guard unsafe getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
    defer { unsafe freeaddrinfo(list) }
    guard let first = unsafe list?.pointee, let address = unsafe first.ai_addr else { return [] }
    var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    guard
      unsafe getnameinfo(
        address, first.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
    else { return [] }
    let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return [DNSServer(address: String(decoding: bytes, as: UTF8.self), port: port)]
  }

  /// The first name server of this machine's own list.
  static var systemResolver: DNSServer? {
    guard let bytes = try? Disk.read("/etc/resolv.conf") else { return nil }
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let words = line.split(whereSeparator: \.isWhitespace)
      guard words.count >= 2, words[0] == "nameserver",
        case .address? = ServerName(String(words[1]))
      else { continue }
      return DNSServer(address: String(words[1]))
    }
    return nil
  }
}
