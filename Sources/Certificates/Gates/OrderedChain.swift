/// A file's certificates in the order a client needs them: the server's own, then each one's issuer.
struct OrderedChain {
  /// The server's first.
  let chain: [X509Certificate]
  /// In the file, and of no use to this chain.
  let spare: [X509Certificate]
  /// Whether the file had those of `chain` in another order.
  let isReordered: Bool
  /// More servers' certificates than one.
  let otherLeaves: [X509Certificate]

  /// The server's certificate is the one of the key; where none is, the first that is no authority.
  init?(_ file: [X509Certificate], key: PrivateKey?) {
    var rest: [X509Certificate] = []
    var seen: Set<[UInt8]> = []
    var copies: [X509Certificate] = []
    for certificate in file {
      if seen.insert(certificate.fingerprint).inserted {
        rest.append(certificate)
      } else {
        copies.append(certificate)
      }
    }
    let place =
      key.flatMap { key in rest.firstIndex { $0.belongs(to: key) } }
      ?? rest.firstIndex { !$0.isAuthority } ?? rest.indices.first
    guard let place else { return nil }
    var places = [place]
    var chain = [rest[place]]
    while let last = chain.last, !last.isSelfSigned,
      let next = rest.indices.first(where: { !places.contains($0) && last.isIssued(by: rest[$0]) })
    {
      places.append(next)
      chain.append(rest[next])
    }
    self.chain = chain
    let left = rest.indices.filter { !places.contains($0) }.map { rest[$0] }
    otherLeaves = left.filter { !$0.isAuthority }
    spare = left.filter(\.isAuthority) + copies
    isReordered = places != places.sorted()
  }

  func pem() throws(CertificateError) -> [UInt8] {
    var bytes: [UInt8] = []
    for certificate in chain { bytes += try certificate.pem() }
    return bytes
  }
}
