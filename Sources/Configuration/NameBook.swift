import Names
public import Proxy

/// A name of servers, and what it meant when it was last asked for.
public struct ResolvedName: Sendable, Equatable {
  public var name: String
  /// Sorted.
  public var addresses: [IPAddress]
  public var life: Duration
  /// Why these are the last addresses that were known, and not those of now; nil where they are.
  public var failure: String?

  /// `10.0.0.5, 10.0.0.6`.
  public var text: String { addresses.map { "\($0)" }.joined(separator: ", ") }
}

/// The names that a file's servers are written with, each asked for once.
final class NameBook {
  static let addressLimit = 64
  /// For all names of a file together.
  static let budget = Duration.seconds(20)
  static let nameLimit = Duration.seconds(10)
  /// Once nobody has answered, those that follow are not waited for as long.
  static let silentLimit = Duration.seconds(2)

  private let resolver: NameResolver
  /// What they meant to the process that runs.
  private let last: [String: [IPAddress]]
  private let end = ContinuousClock.now + budget
  private(set) var names: [String: ResolvedName] = [:]
  private var isSilent = false
  private var failures: [String: NameResolver.Failure] = [:]

  init(_ resolver: NameResolver, last: [String: [IPAddress]]) {
    self.resolver = resolver
    self.last = last
  }

  func addresses(of name: String) throws(NameResolver.Failure) -> ResolvedName {
    if let known = names[name] { return known }
    if let failure = failures[name] { throw failure }
    do {
      let limit = isSilent ? Self.silentLimit : Self.nameLimit
      let found = try resolver.resolved(name, within: min(limit, end - .now))
      names[name] = found
      return found
    } catch {
      isSilent = isSilent || error.reason == .silent
      guard let kept = last[name], !kept.isEmpty else {
        failures[name] = error
        throw error
      }
      let found = ResolvedName(
        name: name, addresses: kept, life: resolver.minimumLife, failure: error.text)
      names[name] = found
      return found
    }
  }
}

extension NameResolver {
  func resolved(_ name: String, within limit: Duration) throws(Failure) -> ResolvedName {
    ResolvedName(try addresses(of: name, within: limit), name)
  }
}

extension ResolvedName {
  init(_ answer: NameResolver.Answer, _ name: String) {
    self.name = name
    addresses = answer.addresses.prefix(NameBook.addressLimit).map(IPAddress.init(bytes:))
    life = answer.life
  }
}

extension IPAddress {
  /// An IPv4-mapped address is that IPv4 address.
  fileprivate init(bytes: [UInt8]) {
    let number = bytes.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
    let isIPv4 = bytes.count == 4 || number >> 32 == 0xffff
    self = isIPv4 ? .ipv4(UInt32(truncatingIfNeeded: number)) : .ipv6(number)
  }
}
