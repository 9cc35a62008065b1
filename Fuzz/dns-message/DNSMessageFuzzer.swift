import Names

/// Any bytes are an answer or none; what is read stays within its limits and follows no circle.
struct DNSMessageFuzzer: Fuzzer {
  func check(_ bytes: [UInt8]) throws(Fault) {
    guard let message = DNSMessage(bytes) else { return }
    try Fault.unless(bytes.count >= 12, "an answer of \(bytes.count) bytes")
    for record in message.answers {
      try Fault.unless(record.ttl < 1 << 31, "a TTL of \(record.ttl)")
      let isAddress = record.kind == DNSMessage.Kind.address.rawValue
      let isAddress6 = record.kind == DNSMessage.Kind.address6.rawValue
      let size = isAddress ? 4 : isAddress6 ? 16 : 0
      try Fault.unless(record.address.count == size, "\(record.address.count) bytes of address")
      for kind in [DNSMessage.Kind.address, .address6] {
        let found = message.addresses(of: record.name, kind)
        try Fault.unless(found.all.count <= message.answers.count, "more addresses than records")
      }
    }
  }
}
