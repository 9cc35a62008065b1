@testable import Firewall

/// Reads a datagram as everything that the kernel could mean by it.
struct NetlinkDecoderFuzzer: Fuzzer {
  private static let keys: [NamedSet.Key] = [
    .ipv4, .ipv6, .service, .icmpType, .icmpv6Type, .time,
  ]
  /// Deeper than anything that is read.
  private static let depthLimit = 5

  func check(_ bytes: [UInt8]) throws(Fault) {
    // What begins at zero hides a wrong index.
    let datagram = ([0, 0, 0] + bytes)[3...]
    let plain = PlainNetlink(bytes: datagram)
    let messages = NetlinkMessage.all(in: datagram)
    try Fault.unless(messages.map { Self.bounds($0.payload) } == plain.payloads, "other messages")
    for message in messages {
      let attributes = message.attributes
      try Self.checkRun(attributes, Self.bounds(message.payload.dropFirst(4)), plain)
      _ = (message.family, message.tablesType, message.errorNumber)
      _ = FirewallKernel.Commit(attributes)
      try Self.checkSocket(message.payload)
      try Self.checkConnection(attributes)
      for attribute in attributes {
        try Self.checkElements(ElementPacking.boundaries(in: attribute.body))
        try Self.checkStamp(attribute.body)
        _ = Hook(reading: NetlinkAttributes(bytes: attribute.body))
      }
    }
    try Self.checkTable(messages.map(\.attributes))
  }

  private static func bounds(_ bytes: ArraySlice<UInt8>) -> Range<Int> {
    bytes.startIndex..<bytes.endIndex
  }

  private static func checkRun(
    _ attributes: NetlinkAttributes, _ range: Range<Int>, _ plain: PlainNetlink, depth: Int = 0
  ) throws(Fault) {
    let read = attributes.map { PlainNetlink.Attribute(type: $0.type, body: bounds($0.body)) }
    try Fault.unless(read == plain.attributes(in: range), "other attributes in \(range)")
    guard depth < depthLimit else { return }
    for attribute in attributes {
      let nested = NetlinkAttributes(bytes: attribute.body)
      try checkRun(nested, bounds(attribute.body), plain, depth: depth + 1)
    }
  }

  private static func checkElements(_ boundaries: [ElementPacking.Boundary]) throws(Fault) {
    for key in keys {
      for isInterval in [true, false] {
        guard let elements = ElementPacking.elements(from: boundaries, of: (key, isInterval))
        else { continue }
        try Fault.unless(
          zip(elements, elements.dropFirst()).allSatisfy { $0.last < $1.first }
            && elements.allSatisfy { $0.first <= $0.last && $0.last <= key.top },
          "elements that do not ascend: \(elements)")
        let isMap = elements.first?.chain != nil
        var set = NamedSet(name: "s", key: key, isMap: isMap, elements: elements)
        set.isInterval = isInterval
        guard set.fault == nil else { continue }
        try ElementPacking.checkReading(ElementPacking.lists(of: set), of: set)
      }
    }
  }

  private static func checkStamp(_ bytes: ArraySlice<UInt8>) throws(Fault) {
    guard let stamp = Stamp(reading: bytes) else { return }
    try Fault.unless(Stamp(reading: stamp.userData[...]) == stamp, "another stamp")
  }

  /// The request that closes a socket names this very one.
  private static func checkSocket(_ payload: ArraySlice<UInt8>) throws(Fault) {
    guard let socket = LocalSocket(reading: payload) else { return }
    let request = NetlinkMessage.all(in: socket.destruction[...])
    try Fault.unless(
      request.map { Array($0.payload.dropFirst(8)) } == [Array(payload.dropFirst(4).prefix(48))],
      "a request for another socket")
  }

  /// The request that deletes a connection has its tuple and its ID: without it deletes others.
  private static func checkConnection(_ attributes: NetlinkAttributes) throws(Fault) {
    guard let connection = TrackedConnection(reading: attributes),
      let request = Conntrack.deletion(of: attributes, connection)
    else { return }
    let sent = NetlinkMessage.all(in: request[...])
    try Fault.unless(sent.count == 1, "\(sent.count) requests")
    let again = sent.first.flatMap { TrackedConnection(reading: $0.attributes) }
    try Fault.unless(
      again?.source == connection.source && again?.destination == connection.destination
        && again?.protocolNumber == connection.protocolNumber
        && again?.sourcePort == connection.sourcePort
        && again?.destinationPort == connection.destinationPort,
      "a request for another connection")
    // CTA_ID
    try Fault.unless(sent.first?.attributes.first(12)?.count == 4, "a request without an ID")
  }

  private static func checkTable(_ lists: [NetlinkAttributes]) throws(Fault) {
    let table = KernelTable(chains: lists, sets: lists, objects: lists, rules: lists)
    try Fault.unless(
      table.openChains.allSatisfy { table.chains[$0] != nil }
        && Set(table.rules.keys) == Set(table.references.keys)
        && table.counters.keys.allSatisfy { table.objects[$0] != nil },
      "a table that is at odds with itself")
    _ = LiveRuleset(table, sets: [])
  }
}
