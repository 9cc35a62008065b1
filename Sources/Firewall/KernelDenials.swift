import CNftables

/// Whom the kernel denied lately: sources that the rules noted, with a count each. Needs CAP_NET_ADMIN.
public struct KernelDenials: Sendable, Equatable {
  public struct Source: Sendable, Equatable {
    /// Of an IPv6 source the first address of its /64.
    public var address: Address
    /// Since it was noted: a source is forgotten `memorySeconds` after its last packet.
    public var packets: UInt64
    public var bytes: UInt64
    /// Since its last packet.
    public var secondsAgo: UInt64
  }

  /// The most packets first.
  public var sources: [Source] = []
  /// How many are noted, shown or not.
  public var count = 0
  /// A set has no more room: who comes new is not noted, and dropped all the same.
  public var isFull = false

  /// So long after its last packet a source is forgotten.
  public static let memorySeconds = DeniedSets.memorySeconds
  /// Sources of each family that are noted at a time.
  public static let sizeLimit = Int(DeniedSets.sizeLimit)

  /// Reads all that are noted, at most `sizeLimit` of each family, and keeps so many of them. Nil where
  /// no policy is in force, or it was applied by a version that did not note them.
  public static func read(most limit: Int) throws(FirewallKernelError) -> KernelDenials? {
    let socket = try NetlinkSocket()
    var all: [Address: Source] = [:]
    var denials = KernelDenials()
    var isKnown = false
    for set in DeniedSets.all {
      var count = 0
      let isRead = try socket.dumpElements(ofEither: set) { message in
        count += Self.take(message, of: set, into: &all)
      }
      isKnown = isKnown || isRead
      // Those whose time is over take room until the kernel finds them, and are not listed any more.
      denials.isFull = denials.isFull || count >= sizeLimit - sizeLimit / 100
    }
    guard isKnown else { return nil }
    denials.count = all.count
    denials.sources = Self.most(limit, of: all.values)
    return denials
  }

  /// One source, whatever number of others there is; nil when it is not noted.
  public static func source(_ address: Address) throws(FirewallKernelError) -> Source? {
    let socket = try NetlinkSocket()
    var found: Source?
    for set in DeniedSets.all where set.key == address.key {
      let key = address.network(prefix: set.key == .ipv4 ? 32 : 64).first
      guard let list = try socket.packedElement(key, ofEither: set) else { continue }
      Self.each(of: list, set) { found = found.map($0.added) ?? $0 }
    }
    return found
  }

  /// Whether a service's limit of new connections counts this source now; nil without such a limit.
  public static func isMetered(
    _ address: Address, by service: ResolvedPolicy.Service
  ) throws(FirewallKernelError) -> Bool? {
    guard let meter = service.meter(of: address) else { return nil }
    return try NetlinkSocket().packedElement(meter.key, ofEither: meter.set) != nil
  }

  /// How many elements the message told of.
  private static func take(
    _ message: NetlinkMessage, of set: NamedSet, into all: inout [Address: Source]
  ) -> Int {
    guard let list = message.attributes.first(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue) else {
      return 0
    }
    var count = 0
    each(of: list, set) { source in
      count += 1
      all[source.address] = all[source.address].map(source.added) ?? source
    }
    return count
  }

  private static func each(
    of list: ArraySlice<UInt8>, _ set: NamedSet, _ visit: (Source) -> Void
  ) {
    let bytes = list.span
    var offset = 0
    while let element = PackedElement.next(bytes, &offset) {
      guard let count = element.count(bytes), count.key <= set.key.top else { continue }
      let address: Address =
        set.key == .ipv4 ? .ipv4(UInt32(truncatingIfNeeded: count.key)) : .ipv6(count.key)
      let secondsLeft = min(count.millisecondsLeft / 1000, memorySeconds)
      visit(
        Source(
          address: address, packets: count.packets, bytes: count.bytes,
          secondsAgo: memorySeconds - secondsLeft))
    }
  }

  /// Without sorting them all: of a flood there are tens of thousands.
  private static func most(_ limit: Int, of all: some Collection<Source>) -> [Source] {
    var most: [Source] = []
    for source in all where most.count < limit || source.comesBefore(most[most.count - 1]) {
      let place = most.firstIndex { source.comesBefore($0) } ?? most.count
      most.insert(source, at: place)
      if most.count > limit { most.removeLast() }
    }
    return most
  }
}

extension KernelDenials.Source {
  /// In an audit that panic interrupts it may be noted as dropped and as let in.
  fileprivate func added(_ other: Self) -> Self {
    Self(
      address: address, packets: packets &+ other.packets, bytes: bytes &+ other.bytes,
      secondsAgo: min(secondsAgo, other.secondsAgo))
  }

  fileprivate func comesBefore(_ other: Self) -> Bool {
    guard packets == other.packets else { return packets > other.packets }
    guard secondsAgo == other.secondsAgo else { return secondsAgo < other.secondsAgo }
    return address.number < other.address.number
  }
}

extension DeniedSets {
  static let all = [dropped.ipv4, dropped.ipv6, audited.ipv4, audited.ipv6]

  /// Whether a set of the kernel is one of these, under either of its names.
  static func names(_ set: String) -> Bool {
    all.contains { set == $0.name || set == $0.name + ApplyPlan.otherName }
  }
}

extension Address {
  fileprivate var key: NamedSet.Key { if case .ipv4 = self { .ipv4 } else { .ipv6 } }

  fileprivate var number: UInt128 {
    switch self {
    case .ipv4(let bits): UInt128(bits)
    case .ipv6(let bits): bits
    }
  }
}

/// A set that could not stay as it was made stands under its other name.
extension NetlinkSocket {
  /// False when there is no such set.
  fileprivate func dumpElements(
    ofEither set: NamedSet, _ take: (NetlinkMessage) -> Void
  ) throws(FirewallKernelError) -> Bool {
    if try dumpElements(of: set.name, take) { return true }
    return try dumpElements(of: set.name + ApplyPlan.otherName, take)
  }

  fileprivate func packedElement(
    _ key: UInt128, ofEither set: NamedSet
  ) throws(FirewallKernelError) -> ArraySlice<UInt8>? {
    if let list = try packedElement(key, of: set) { return list }
    var other = set
    other.name += ApplyPlan.otherName
    return try packedElement(key, of: other)
  }
}
