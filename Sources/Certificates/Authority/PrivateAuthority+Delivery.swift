public import Foundation

/// What an authority hands out, as files.
extension PrivateAuthority {
  public struct Delivery: Sendable {
    public let serial: String
    public let notAfter: Date
    public let certificatePath: String
    /// Nil where the key stayed with who made the request.
    public let keyPath: String?
    public let bagPath: String?
    public let password: String?
  }

  /// Signs, and writes into `given` or a new one below `issued`; files that are there stay. A dry run
  /// notes and writes nothing.
  public func deliver(
    _ holder: CertificateHolder, requestPath: String?, key kind: KeyKind = .ecdsaP256,
    days: Int = leafDays, to given: String? = nil, isDryRun: Bool = false, now: Date = Date()
  ) throws(CertificateError) -> Delivery {
    let target = if let given { given } else { try freeFolder(for: holder) }
    let chainPath = "\(target)/cert.pem"
    let keyPath = "\(target)/key.pem"
    let bagPath = "\(target)/client.p12"
    // Looked at first: what is signed and cannot be written would have to be revoked.
    for path in [chainPath, keyPath, bagPath] where Disk.exists(path) {
      throw CertificateError(path, "is there already; name another folder with --out")
    }
    let request = try requestPath.map { path throws(CertificateError) in try Disk.read(path) }
    if !isDryRun { try Disk.makeDirectory(target, mode: 0o700) }
    let chain: [UInt8]
    var bag: KeyBag?
    if let request {
      chain = try sign(holder, requestPEM: request, days: days, isNoted: !isDryRun, now: now)
    } else {
      let issued = try sign(holder, key: kind, days: days, isNoted: !isDryRun, now: now)
      chain = issued.chainPEM
      if !holder.isForServers { bag = try KeyBag(issued, name: holder.commonName) }
      if !isDryRun { try Disk.write(issued.keyPEM, to: keyPath, mode: 0o600) }
    }
    if !isDryRun {
      try Disk.write(chain, to: chainPath, mode: 0o644)
      if let bag { try Disk.write(bag.bytes, to: bagPath, mode: 0o600) }
      try Disk.sync(target)
    }
    let leaf = try X509Certificate.readChain(from: chain, of: chainPath).first
    return Delivery(
      serial: Self.plain(leaf?.serial ?? ""), notAfter: leaf?.notAfter ?? now,
      certificatePath: chainPath, keyPath: request == nil ? keyPath : nil,
      bagPath: bag == nil ? nil : bagPath, password: bag?.password)
  }

  private func freeFolder(for holder: CertificateHolder) throws(CertificateError) -> String {
    let safe = holder.commonName.lowercased().map { letter in
      letter.isASCII && (letter.isLetter || letter.isNumber || "-_.@".contains(letter))
        ? letter : "_"
    }
    let stem = "\(folder)/issued/" + (safe.first == "." ? "_" : "") + String(safe)
    for number in 1...1_000 {
      let path = number == 1 ? stem : "\(stem)-\(number)"
      if !Disk.exists(path) { return path }
    }
    throw CertificateError(stem, "there are a thousand of this name; name a folder with --out")
  }
}
