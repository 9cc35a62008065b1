import CNftables
import Glibc

/// Bans in the kernel: hash sets beside the policy's intervals, so that one costs the same whatever
/// else the table holds; each ends by itself. Needs CAP_NET_ADMIN.
public struct KernelBans: ~Copyable {
  /// A banned network, and for how much longer.
  public struct Ban: Sendable, Equatable {
    public var network: Network
    public var secondsLeft: UInt64

    public init(network: Network, secondsLeft: UInt64) {
      self.network = network
      self.secondsLeft = secondsLeft
    }
  }

  private let socket: NetlinkSocket

  public init() throws(FirewallKernelError) { socket = try NetlinkSocket() }

  /// That of its socket.
  var port: UInt32 { socket.port }

  /// Bans a network from now on; one that is banned already gets the new end.
  public func add(_ network: Network, seconds: UInt64) throws(FirewallKernelError) {
    guard !network.isInterval else { return try addInterval(network, seconds) }
    let set = network.banSet
    let element = SetElement(first: network.first, last: network.first, timeoutSeconds: seconds)
    try run { encoder throws(FirewallKernelError) in try encoder.renew([element], in: set) }
    guard !Self.renewsTimeouts else { return }
    let held = try socket.element(network.first, of: set)?.timeoutSeconds ?? 0
    guard held + 1 < seconds || held > seconds else { return }
    try run { encoder throws(FirewallKernelError) in
      try encoder.remove([element], from: set)
      try encoder.add([element], to: set)
    }
  }

  /// Since 6.12 the kernel changes the timeout of an element that is there already.
  private static let renewsTimeouts: Bool = {
    var name = utsname()
    guard unsafe uname(&name) == 0 else { return false }
    let release = unsafe withUnsafeBytes(of: &name.release) { unsafe Array($0) }
    let parts = String(decoding: release.prefix { $0 != 0 }, as: UTF8.self)
      .split(separator: ".").prefix(2).map { Int($0.prefix { $0.isNumber }) ?? 0 }
    return parts.count == 2 && (parts[0], parts[1]) >= (6, 12)
  }()

  /// Ends a ban; false when there was none.
  public func remove(_ network: Network) throws(FirewallKernelError) -> Bool {
    let set = network.banSet
    guard !set.isInterval else {
      let banned = try elements(of: set).contains {
        $0.first <= network.last && network.first <= $0.last
      }
      if banned { try replaceIntervals(network) { $0.subtracting(AddressSet(network)) } }
      return banned
    }
    let element = SetElement(first: network.first, last: network.first)
    do throws(FirewallKernelError) {
      try run { encoder throws(FirewallKernelError) in try encoder.remove([element], from: set) }
      return true
    } catch {
      guard case .refused(let refusals) = error, refusals.contains(where: { $0.errno == ENOENT })
      else { throw error }
      return false
    }
  }

  /// The ban that an address is under, whatever number of others there is.
  public func ban(of address: Address) throws(FirewallKernelError) -> Ban? {
    let networks: [Network] =
      switch address {
      case .ipv4(let bits): [.ipv4(bits, prefix: 32)]
      case .ipv6(let bits):
        [.ipv6(bits, prefix: 128), .ipv6(bits & (UInt128.max << 64), prefix: 64)]
      }
    for network in networks {
      let found = try socket.element(network.first, of: network.banSet)
      if let found { return Ban(network: network, secondsLeft: found.timeoutSeconds ?? 0) }
    }
    for set in NamedSet.bans where set.isInterval {
      for element in try elements(of: set) {
        let covering = Network.covering(element, of: set).first {
          AddressSet($0).contains(address, at: 0)
        }
        if let covering {
          return Ban(network: covering, secondsLeft: element.timeoutSeconds ?? 0)
        }
      }
    }
    return nil
  }

  public func list() throws(FirewallKernelError) -> [Ban] {
    var bans: [Ban] = []
    for set in NamedSet.bans {
      for element in try elements(of: set) {
        let networks = Network.covering(element, of: set)
        bans += networks.map { Ban(network: $0, secondsLeft: element.timeoutSeconds ?? 0) }
      }
    }
    return bans
  }

  /// Where it overlaps others, the later end counts.
  private func addInterval(_ network: Network, _ seconds: UInt64) throws(FirewallKernelError) {
    let until = Int64(clamping: seconds)
    try replaceIntervals(network) { $0.union(AddressSet(network, until: until)) }
  }

  /// Puts others in the place of the intervals that a network touches: those of a set must not
  /// overlap. Ends are seconds from now. Anew where somebody else has written meanwhile.
  private func replaceIntervals(
    _ network: Network, _ change: (AddressSet) -> AddressSet
  ) throws(FirewallKernelError) {
    try FirewallKernel.untilCalm { () throws(FirewallKernelError) -> Void? in
      let generation = try socket.generation()
      return try replaceIntervals(network, at: generation, change)
    }
  }

  /// Nil when the kernel is not at that generation any more.
  private func replaceIntervals(
    _ network: Network, at generation: UInt32, _ change: (AddressSet) -> AddressSet
  ) throws(FirewallKernelError) -> Void? {
    let set = network.banSet
    let shape = KernelTable.Shape(set)
    guard let held = try KernelTable.elements(of: set.name, shape, socket) else {
      if try socket.hasTable() { return nil }
      throw Self.noTable
    }
    let touched = held.filter { $0.first <= network.last && network.first <= $0.last }
    func interval<Bits>(_ element: SetElement) -> AddressInterval<Bits> {
      AddressInterval(
        first: Bits(truncatingIfNeeded: element.first),
        last: Bits(truncatingIfNeeded: element.last),
        until: element.timeoutSeconds.map { Int64(clamping: $0) })
    }
    let old =
      set.key == .ipv4
      ? AddressSet(ipv4: touched.map(interval), ipv6: [])
      : AddressSet(ipv4: [], ipv6: touched.map(interval))
    let new = change(old)
    let elements: SetElements =
      set.key == .ipv4 ? .ipv4(new.ipv4[...], time: 0) : .ipv6(new.ipv6[...], time: 0)
    let outcome = try run(at: generation) { encoder throws(FirewallKernelError) in
      try encoder.remove(touched, from: set)
      try encoder.renew(elements.list, in: set)
    }
    return outcome == .done ? () : nil
  }

  private func elements(of set: NamedSet) throws(FirewallKernelError) -> [SetElement] {
    let elements = try KernelTable.elements(of: set.name, KernelTable.Shape(set), socket)
    guard let elements else {
      // Who may not ask is told that.
      _ = try socket.hasTable()
      throw Self.noTable
    }
    return elements
  }

  @discardableResult
  private func run(
    at generation: UInt32? = nil,
    _ body: (inout NetlinkEncoder) throws(FirewallKernelError) -> Void
  ) throws(FirewallKernelError) -> NetlinkTransaction.Outcome {
    let transaction = try NetlinkTransaction(at: generation, body)
    do throws(FirewallKernelError) {
      return try transaction.run(on: socket)
    } catch {
      if case .refused(let refusals) = error, refusals.contains(where: { $0.errno == ENOENT }) {
        throw try socket.hasTable() ? error : Self.noTable
      }
      throw error
    }
  }

  private static let noTable = FirewallKernelError.incomprehensible(
    "the kernel has no table inet gatehouse; apply a policy first")
}

extension NamedSet {
  static let bans = [
    NamedSet(name: "ban4", key: .ipv4, isInterval: false, filling: .bans),
    NamedSet(name: "ban6", key: .ipv6, isInterval: false, filling: .bans),
    NamedSet(name: "ban64", key: .ipv6, isInterval: false, filling: .bans),
    NamedSet(name: "bannet4", key: .ipv4, isInterval: true, filling: .bans),
    NamedSet(name: "bannet6", key: .ipv6, isInterval: true, filling: .bans),
  ]
}

extension Network {
  /// Whether its bans are kept as an interval.
  fileprivate var isInterval: Bool {
    switch self {
    case .ipv4(_, let prefix): prefix != 32
    case .ipv6(_, let prefix): prefix != 128 && prefix != 64
    }
  }

  fileprivate var banSet: NamedSet {
    switch self {
    case .ipv4(_, let prefix): NamedSet.bans[prefix == 32 ? 0 : 3]
    case .ipv6(_, let prefix): NamedSet.bans[prefix == 128 ? 1 : prefix == 64 ? 2 : 4]
    }
  }

  public var first: UInt128 {
    switch self {
    case .ipv4(let bits, _): UInt128(bits)
    case .ipv6(let bits, _): bits
    }
  }

  public var last: UInt128 {
    switch self {
    case .ipv4(let bits, let prefix):
      UInt128(prefix >= 32 ? bits : bits | (UInt32.max >> UInt32(prefix)))
    case .ipv6(let bits, let prefix):
      prefix >= 128 ? bits : bits | (UInt128.max >> UInt128(prefix))
    }
  }

  /// An interval as networks: the kernel may have cut it at the borders of others.
  fileprivate static func covering(_ element: SetElement, of set: NamedSet) -> [Network] {
    if set.name == "ban64" { return [.ipv6(element.first, prefix: 64)] }
    return covering(element.first, element.last, width: set.key == .ipv4 ? 32 : 128)
  }
}
