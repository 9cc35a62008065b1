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
    public enum Reason: Sendable {
      /// Whoever knows says that there is none.
      case absent
      /// Nobody who was asked knows.
      case unknown
      /// Nobody says anything.
      case silent
    }

    public let text: String
    public let reason: Reason

    init(_ text: String, _ reason: Reason) {
      self.text = text
      self.reason = reason
    }

    static let absent = Failure("no such name", .absent)
    static let silent = Failure("no answer in time", .silent)
  }

  /// All addresses; asked anew each time, /etc/hosts first.
  public func addresses(of name: String, within limit: Duration) throws(Failure) -> Answer {
    let end = ContinuousClock.now + limit
    let hosts = HostsFile(Self.text(of: hostsPath, HostsFile.byteLimit) ?? "")
    let known = hosts.addresses(of: name)
    if !known.isEmpty {
      return Answer(addresses: Self.usable(known), life: clamped(Self.hostsLife), isPartial: false)
    }
    // Whoever is asked, these two are never in the DNS (RFC 6761).
    if name == "localhost" || name.hasSuffix(".localhost") {
      return Answer(addresses: [[127, 0, 0, 1]], life: Self.longest, isPartial: false)
    }
    if name.hasSuffix(".invalid") { throw .absent }
    let settings = ResolverFile(Self.text(of: settingsPath, ResolverFile.byteLimit) ?? "")
    let candidates = servers.isEmpty ? settings.candidates(for: name) : [name]
    var failure = Failure.absent
    for candidate in candidates {
      switch ask(candidate, settings, until: end) {
      case .success(let answer): return answer
      case .failure(let why): failure = why
      }
      // Without a word of this one, the next could be another machine by chance.
      guard failure.reason == .absent else { break }
    }
    throw failure
  }

  private func ask(
    _ name: String, _ settings: ResolverFile, until end: ContinuousClock.Instant
  ) -> Result<Answer, Failure> {
    var found: [[UInt8]] = []
    var seconds: UInt32?
    var failure: Failure?
    for kind in [DNSMessage.Kind.address, .address6] where failure?.reason != .silent {
      switch records(of: name, kind, settings, until: end) {
      case .success(let records):
        found += records.all
        if !records.all.isEmpty { seconds = min(seconds ?? .max, records.ttl) }
      case .failure(let why): failure = why
      }
    }
    guard !found.isEmpty else {
      return .failure(failure ?? Failure("it has no address", .absent))
    }
    let life = clamped(.seconds(Int64(seconds ?? 0)))
    let isPartial = failure != nil && failure?.reason != .absent
    return .success(Answer(addresses: Self.usable(found), life: life, isPartial: isPartial))
  }

  /// Where an alias leads is asked for when the answer itself does not say.
  private func records(
    of name: String, _ kind: DNSMessage.Kind, _ settings: ResolverFile,
    until end: ContinuousClock.Instant
  ) -> Result<(all: [[UInt8]], ttl: UInt32), Failure> {
    var name = name
    var ttl = UInt32.max
    for _ in 0..<DNSMessage.aliasLimit {
      switch message(name, kind, settings, until: end) {
      case .failure(let why): return .failure(why)
      case .success(let message):
        let found = message.addresses(of: name, kind)
        ttl = min(ttl, found.ttl ?? .max)
        guard found.all.isEmpty, found.end != name else { return .success((found.all, ttl)) }
        name = found.end
      }
    }
    return .failure(Failure("its aliases do not end", .unknown))
  }

  private func message(
    _ name: String, _ kind: DNSMessage.Kind, _ settings: ResolverFile,
    until end: ContinuousClock.Instant
  ) -> Result<DNSMessage, Failure> {
    var failure = Failure.silent
    let peers = servers.isEmpty ? settings.servers : servers
    for _ in 0..<settings.attempts {
      for peer in peers {
        let left = end - .now
        guard left > .zero else { return .failure(failure) }
        let answer = peer.ask(
          name, kind, wantsRecursion: true, within: min(left, settings.timeout))
        guard let answer else { continue }
        switch answer.code {
        // What was cut is not taken for the whole: servers would be lost with the rest.
        case 0 where answer.isTruncated:
          failure = Failure(
            "its answer does not fit a packet, and there is none over TCP", .unknown)
        case 0: return .success(answer)
        case 3: return .failure(.absent)
        case 2: failure = Failure("the name server has failed (SERVFAIL)", .unknown)
        case 5: failure = Failure("the name server refuses to answer (REFUSED)", .unknown)
        case let code:
          failure = Failure("the name server answers with error \(code)", .unknown)
        }
      }
    }
    return .failure(failure)
  }

  private func clamped(_ life: Duration) -> Duration {
    max(min(life, maximumLife), minimumLife)
  }

  /// Without those that this machine has no way to, as long as others are left.
  static func usable(
    _ addresses: [[UInt8]], hasRoute: ([UInt8]) -> Bool = Self.hasRoute
  ) -> [[UInt8]] {
    let all = ordered(addresses)
    let routed = all.count > 1 ? all.filter(hasRoute) : all
    return routed.isEmpty ? all : routed
  }

  /// Connected, a packet's socket asks the kernel for its way and sends nothing.
  private static func hasRoute(to address: [UInt8]) -> Bool {
    PeerSocket(to: DNSPeer(address), Int32(SOCK_DGRAM.rawValue), until: .now) != nil
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
