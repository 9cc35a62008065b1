public import Foundation

/// A key that others know, or may.
struct CompromisedKey: Codable {
  let spkiSha256: String
  let certificate: String
  let since: Date
  let by: String
}

extension CertificateStore {
  private var compromisedPath: String { "\(directory)/.compromised.json" }
  private var authoritiesPath: String { "\(directory)/.authorities" }

  /// What the gates have to know of this folder.
  ///
  /// `current` is what serves now under the name that is checked.
  public func context(
    current: CertificateBundle? = nil, now: Date = Date()
  ) throws(CertificateError) -> GateContext {
    var context = GateContext(now: now)
    context.current = current
    context.compromisedKeys = Set(try compromisedKeys().map(\.spkiSha256))
    context.trust = TrustedRoots(privatePEM: try privateAuthorities())
    return context
  }

  /// Keeps certificates of this key from ever serving here again.
  func markCompromised(_ publicKey: String, of name: String) throws(CertificateError) {
    var all = try compromisedKeys()
    guard !all.contains(where: { $0.spkiSha256 == publicKey }) else { return }
    all.append(
      .init(spkiSha256: publicKey, certificate: name, since: Date(), by: Person.current))
    try Disk.replace(compromisedPath, with: try json(all, compromisedPath), mode: 0o644)
  }

  private func compromisedKeys() throws(CertificateError) -> [CompromisedKey] {
    guard Disk.exists(compromisedPath) else { return [] }
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let text = Data(try Disk.read(compromisedPath))
    guard let keys = try? decoder.decode([CompromisedKey].self, from: text) else {
      throw CertificateError(
        compromisedPath, "damaged; it lists the keys that must not serve: mend it from a backup")
    }
    return keys
  }

  /// The development authority, and every `.authorities/NAME.pem`.
  private func privateAuthorities() throws(CertificateError) -> [UInt8] {
    var pem: [UInt8] = []
    let development = "\(directory)/.authority/ca.pem"
    if Disk.exists(development) { pem += try Disk.read(development) + [0x0a] }
    guard Disk.isDirectory(authoritiesPath) else { return pem }
    for name in try Disk.names(in: authoritiesPath) where name.hasSuffix(".pem") {
      pem += try Disk.read("\(authoritiesPath)/\(name)") + [0x0a]
    }
    return pem
  }
}
