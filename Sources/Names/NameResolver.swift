internal import Glibc

/// Finds the addresses of names, and how long they hold.
public struct NameResolver: Sendable, Equatable {
  public static let longest = Duration.seconds(3600)
  /// How long what /etc/hosts says holds, until it is read again.
  static let hostsLife = Duration.seconds(5)

  /// In place of the system's when not empty; names are then asked for as they are.
  public var servers: [DNSPeer] = []
  public var minimumLife = Duration.seconds(1)
  public var maximumLife = Self.longest
  public var hostsPath = "/etc/hosts"
  public var settingsPath = "/etc/resolv.conf"

  public init() {}

  public struct Answer: Equatable, Sendable {
    /// Sorted, each 4 or 16 bytes, none twice.
    public var addresses: [[UInt8]]
    public var life: Duration
    /// Of one family only, since the other was not answered.
    public var isPartial: Bool
  }

  public struct Failure: Error, Equatable, Sendable {
    public let text: String
  }

  /// All addresses; asked anew each time, /etc/hosts first.
  public func addresses(of name: String, within limit: Duration) throws(Failure) -> Answer {
    let end = ContinuousClock.now + limit
    let hosts = HostsFile(Self.text(of: hostsPath, HostsFile.byteLimit) ?? "")
    let known = hosts.addresses(of: name)
    if !known.isEmpty {
      return Answer(addresses: Self.ordered(known), life: clamped(Self.hostsLife), isPartial: false)
    }
    // Whoever is asked, these two are never in the DNS (RFC 6761).
    if name == "localhost" || name.hasSuffix(".localhost") {
      return Answer(addresses: [[127, 0, 0, 1]], life: Self.longest, isPartial: false)
    }
    if name.hasSuffix(".invalid") { throw Failure(text: "no such name") }
    let settings = ResolverFile(Self.text(of: settingsPath, ResolverFile.byteLimit) ?? "")
    let candidates = servers.isEmpty ? settings.candidates(for: name) : [name]
    var failure = Failure(text: "no such name")
    for candidate in candidates {
      switch ask(candidate, settings, until: end) {
      case .success(let answer): return answer
      case .failure(let why): failure = why
      }
    }
    throw failure
  }

  private func ask(
    _ name: String, _ settings: ResolverFile, until end: ContinuousClock.Instant
  ) -> Result<Answer, Failure> {
    var found: [[UInt8]] = []
    var seconds: UInt32?
    var failure: Failure?
    for kind in [DNSMessage.Kind.address, .address6] {
      switch message(name, kind, settings, until: end) {
      case .success(let message):
        let (all, ttl) = message.addresses(of: name, kind)
        found += all
        if !all.isEmpty, let ttl { seconds = min(seconds ?? .max, ttl) }
      case .failure(let why): failure = why
      }
    }
    guard !found.isEmpty else { return .failure(failure ?? Failure(text: "it has no address")) }
    let life = clamped(.seconds(Int64(seconds ?? 0)))
    return .success(
      Answer(addresses: Self.ordered(found), life: life, isPartial: failure != nil))
  }

  private func message(
    _ name: String, _ kind: DNSMessage.Kind, _ settings: ResolverFile,
    until end: ContinuousClock.Instant
  ) -> Result<DNSMessage, Failure> {
    var why = "no answer in time"
    let peers = servers.isEmpty ? settings.servers : servers
    for _ in 0..<settings.attempts {
      for peer in peers {
        let left = end - .now
        guard left > .zero else { return .failure(Failure(text: why)) }
        let answer = peer.ask(
          name, kind, wantsRecursion: true, within: min(left, settings.timeout))
        switch answer?.code {
        case 0: if let answer { return .success(answer) }
        case 3: return .failure(Failure(text: "no such name"))
        case 2: why = "the name server has failed (SERVFAIL)"
        case 5: why = "the name server refuses to answer (REFUSED)"
        case let code?: why = "the name server answers with error \(code)"
        case nil: continue
        }
      }
    }
    return .failure(Failure(text: why))
  }

  private func clamped(_ life: Duration) -> Duration {
    max(min(life, maximumLife), minimumLife)
  }

  /// A loopback name of both families is one server, not two.
  static func ordered(_ addresses: [[UInt8]]) -> [[UInt8]] {
    var all = addresses
    let loopback6 = [UInt8](repeating: 0, count: 15) + [1]
    if all.contains(where: { $0.count == 4 && $0[0] == 127 }) { all.removeAll { $0 == loopback6 } }
    return Set(all).sorted {
      $0.count == $1.count ? $0.lexicographicallyPrecedes($1) : $0.count < $1.count
    }
  }

  private static func text(of path: String, _ limit: Int) -> String? {
    let number = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard number >= 0 else { return nil }
    defer { close(number) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count < limit {
      let count = unsafe read(number, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      bytes += chunk.prefix(min(count, limit - bytes.count))
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
