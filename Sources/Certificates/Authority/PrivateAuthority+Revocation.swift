public import Foundation

/// What an authority takes back.
extension PrivateAuthority {
  public static let listDays = 30

  private var indexPath: String { "\(folder)/index.json" }

  /// Everything it signed.
  public func index() throws(CertificateError) -> AuthorityIndex {
    try AuthorityIndex.read(indexPath)
  }

  /// Signs the list anew, with a higher number; `serial` goes on it before. A dry run tells the list
  /// that would be.
  @discardableResult
  public func renewList(
    revoking serial: String? = nil, because reason: RevocationReason = .unspecified,
    days: Int = listDays, isDryRun: Bool = false, now: Date = Date()
  ) throws(CertificateError) -> AuthorityIndex {
    guard (1...Self.daysLimit).contains(days) else {
      throw CertificateError(name, "\(days) days are not within 1...\(Self.daysLimit)")
    }
    return try Disk.locked(folder, isDryRun: isDryRun) { () throws(CertificateError) in
      var index = try index()
      if let serial {
        let plain = Self.plain(serial)
        guard let place = index.entries.firstIndex(where: { $0.serial == plain }) else {
          throw CertificateError(
            serial, "\(name) signed no certificate with this serial; see gatehouse ca crl \(name)")
        }
        // Revoked once, it stays so, with the day on which it was.
        if index.entries[place].revoked == nil {
          index.entries[place].revoked = now
          index.entries[place].reason = reason
        }
      }
      guard !isDryRun else {
        index.listNumber += 1
        return index
      }
      return try publish(index, days: days, now: now)
    }
  }

  /// The serial of a certificate in a file, if this authority signed it.
  public func serial(inFile path: String) throws(CertificateError) -> String {
    let chain = try X509Certificate.readChain(from: try Disk.read(path), of: path)
    guard let leaf = chain.first, leaf.isIssued(by: certificate) else {
      throw CertificateError(path, "not signed by \(name)")
    }
    return Self.plain(leaf.serial)
  }

  /// Notes a new certificate before it is handed out, so that none is out that cannot be revoked.
  func note(
    _ leaf: X509Certificate, isForServers: Bool, now: Date
  ) throws(CertificateError) {
    try Disk.locked(folder) { () throws(CertificateError) in
      var index = try index()
      index.entries.append(
        .init(
          serial: Self.plain(leaf.serial), subject: leaf.subject, isForServers: isForServers,
          signed: now, notAfter: leaf.notAfter ?? now, by: Person.current))
      try index.write(to: indexPath)
    }
  }

  /// The index first: what is revoked stays so, though a crash keep it from this list.
  @discardableResult
  func publish(
    _ given: AuthorityIndex, days: Int = listDays, now: Date
  ) throws(CertificateError) -> AuthorityIndex {
    var index = given
    index.listNumber += 1
    try index.write(to: indexPath)
    let list = try RevocationList(
      issuer: certificate, number: index.listNumber, from: now - Self.backdating,
      to: now + TimeInterval(days) * 86_400)
    for entry in index.revoked { try list.add(entry) }
    try Disk.replace(listPath, with: try list.pem(signedWith: key), mode: 0o644)
    return index
  }

  /// As people write serials: in capitals, with colons, with zeros in front.
  static func plain(_ serial: String) -> String {
    let digits = serial.lowercased().filter { $0.isHexDigit }
    let kept = digits.drop { $0 == "0" }
    return kept.count.isMultiple(of: 2) ? String(kept) : "0" + kept
  }
}
