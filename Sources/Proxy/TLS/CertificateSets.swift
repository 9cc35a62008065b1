internal import COpenSSL

/// Which certificates serve which name: those with keys of different kinds side by side, so that
/// each client gets the one it can check; of one kind the first in the reader's order.
struct CertificateSets {
  /// A name that a certificate serves, to ask for it by; nil where another has taken all its names.
  struct Probe {
    var certificate: String
    var serverName: String?
    /// As `CertificateLeaf` has it.
    var keyKind: Int32
  }

  /// Indices of certificates, one for each kind of key.
  private(set) var sets: [[Int]] = []
  /// Names in full; addresses too, as they are written in a URL.
  private(set) var exact = HostTable()
  private(set) var wildcard = HostTable()
  private(set) var addresses: [IPAddress: Int] = [:]
  private(set) var probes: [Probe] = []
  /// Of each certificate: SHA-256 of its leaf.
  private(set) var fingerprints: [[UInt8]] = []

  private enum Key: Hashable {
    case exact([UInt8])
    case wildcard([UInt8])
    case address(IPAddress)
  }

  init(_ certificates: [ProxyConfiguration.Certificate]) throws(TLSContextError) {
    var owners: [Key: [Int]] = [:]
    var leaves: [CertificateLeaf] = []
    for certificate in certificates {
      let leaf = try CertificateLeaf(certificate)
      let index = leaves.count
      leaves.append(leaf)
      for key in Self.keys(of: leaf.names) {
        let isTaken = owners[key, default: []].contains { leaves[$0].keyKind == leaf.keyKind }
        if !isTaken { owners[key, default: []].append(index) }
      }
    }
    insert(owners)
    fingerprints = leaves.map(\.fingerprint)
    for (index, leaf) in leaves.enumerated() {
      let keys = Self.keys(of: leaf.names)
      let own = keys.first { owners[$0]?.contains(index) == true }
      probes.append(
        Probe(
          certificate: certificates[index].name, serverName: own.map(Self.text),
          keyKind: leaf.keyKind))
    }
  }

  /// The set that holds this certificate: the largest, so that clients of either kind are served; a
  /// set of its own where others serve all its names.
  mutating func makeSet(with index: Int) -> Int {
    let all = sets.indices.filter { sets[$0].contains(index) }
    let best = all.min { one, other in
      sets[one].count != sets[other].count
        ? sets[one].count > sets[other].count : sets[one].lexicographicallyPrecedes(sets[other])
    }
    if let best { return best }
    sets.append([index])
    return sets.count - 1
  }

  func find(_ host: Span<UInt8>) -> Int? {
    let name = HostTable.withoutLastDot(host)
    if let index = exact.find(name) { return index }
    guard let parent = HostTable.parent(of: name) else { return nil }
    return wildcard.find(parent)
  }

  private mutating func insert(_ owners: [Key: [Int]]) {
    var known: [[Int]: Int] = [:]
    for (key, members) in owners {
      let index = known[members] ?? sets.count
      if index == sets.count {
        sets.append(members)
        known[members] = index
      }
      switch key {
      case .exact(let name): _ = exact.insert(name, index)
      case .wildcard(let name): _ = wildcard.insert(name, index)
      case .address(let address):
        addresses[address] = index
        _ = exact.insert(HostTable.key(address.urlText.utf8), index)
      }
    }
  }

  private static func keys(of names: CertificateNames) -> [Key] {
    names.exact.map { .exact(HostTable.key($0)) }
      + names.wildcard.map { .wildcard(HostTable.key($0)) }
      + names.addresses.map(Key.address)
  }

  private static func text(of key: Key) -> String {
    switch key {
    case .exact(let name): String(decoding: name, as: UTF8.self)
    // A host that nobody has; where one has its very name, another certificate may answer.
    case .wildcard(let name): "gatehouse-probe." + String(decoding: name, as: UTF8.self)
    case .address(let address): address.description
    }
  }
}

/// The server's certificate out of a chain: whom it serves, and with what kind of key.
struct CertificateLeaf {
  let names: CertificateNames
  /// OpenSSL's number of the key's algorithm (`EVP_PKEY_RSA`); it keeps one certificate of each in a
  /// context.
  let keyKind: Int32
  let fingerprint: [UInt8]

  init(_ certificate: ProxyConfiguration.Certificate) throws(TLSContextError) {
    var names: CertificateNames?
    var kind: Int32 = 0
    var fingerprint: [UInt8] = []
    unsafe try PEMReader.forEachCertificate(in: certificate.chainPEM, of: certificate.name) {
      guard names == nil else { return }
      names = unsafe CertificateNames(of: $0)
      fingerprint = unsafe Self.fingerprint(of: $0)
      if let key = unsafe X509_get0_pubkey($0) { kind = unsafe EVP_PKEY_get_base_id(key) }
    }
    guard let names else { throw TLSContextError(certificate.name, "no certificate in the file") }
    self.names = names
    keyKind = kind
    self.fingerprint = fingerprint
  }
}
