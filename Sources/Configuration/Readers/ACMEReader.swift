import Certificates
import Proxy

/// Reads `acme`.
struct ACMEReader {
  /// Names in one certificate; the limit of most authorities.
  private static let nameLimit = 100

  private let map: MapReader
  private var problems: Problems { map.problems }

  /// The plan and where it is kept; nil where the file asks for none.
  static func read(
    _ file: MapReader, folders: [String]
  ) -> (plan: CertificatePlan, folder: String)? {
    guard let map = file.section(FileFields.acme, ACMEFields.section) else { return nil }
    let reader = ACMEReader(map: map)
    var plan = CertificatePlan()
    plan.authorities = reader.authorities()
    plan.certificates = reader.certificates(plan.authorities.map(\.name))
    guard let folder = reader.folder(folders) else { return nil }
    return (plan, folder)
  }

  private func folder(_ folders: [String]) -> String? {
    if map[ACMEFields.folder] != nil { return map.path(ACMEFields.folder) }
    let all = Set(folders)
    if let only = all.first, all.count == 1 { return only }
    let what = all.isEmpty ? "no listener has a certificates folder" : "the listeners have several"
    problems.error(
      map.place, "acme: where to keep certificates is not clear (\(what)); write folder")
    return nil
  }

  private func authorities() -> [ACMEAuthority] {
    guard map[ACMEFields.authorities] != nil else {
      let directory = ACMEAuthority.directory(of: "letsencrypt")
      return directory.map { [ACMEAuthority(name: "letsencrypt", directory: $0)] } ?? []
    }
    return map.names(ACMEFields.authorities).compactMap { pair in
      let label = "authority \"\(pair.key)\""
      guard let details = MapReader(pair.value, AuthorityFields.section, label: label, problems),
        let directory = directory(details)
      else { return nil }
      var authority = ACMEAuthority(name: pair.key, directory: directory)
      authority.trustPath = details.path(AuthorityFields.ca)
      authority.email = email(details)
      authority.preferredChain = details.text(AuthorityFields.preferredChain)
      authority.externalAccount = externalAccount(details)
      return authority
    }
  }

  private func directory(_ details: MapReader) -> String? {
    let field = AuthorityFields.directory
    guard let value = details[field], let text = details.text(field) else { return nil }
    return ACMEAuthority.directory(of: text) ?? details.refuse(value, field, "is no https URL")
  }

  private func email(_ details: MapReader) -> String? {
    guard let value = details[AuthorityFields.email], let text = details.text(AuthorityFields.email)
    else { return nil }
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, HostName.checked(String(parts[1])) != nil,
      text.utf8.allSatisfy({ (0x21...0x7e).contains($0) && !"\"?&#%".utf8.contains($0) })
    else { return details.refuse(value, AuthorityFields.email, "is no mail address") }
    return text
  }

  private func externalAccount(_ details: MapReader) -> ACMEAuthority.ExternalAccount? {
    guard
      let section = details.section(AuthorityFields.accountID, ExternalAccountFields.section),
      let id = section.text(ExternalAccountFields.id),
      let key = section.path(ExternalAccountFields.key)
    else { return nil }
    return .init(keyID: id, keyPath: key)
  }

  private func certificates(_ authorities: [String]) -> [PlannedCertificate] {
    guard let pairs = map[ACMEFields.certificates]?.pairs("\"certificates\" of acme", problems)
    else { return [] }
    if pairs.isEmpty {
      let place = map[ACMEFields.certificates]?.place ?? map.place
      problems.error(place, "no certificate; write one, such as www.example.com: {}")
    }
    return pairs.compactMap { certificate($0, authorities) }
  }

  private func certificate(
    _ pair: YAMLValue.Pair, _ authorities: [String]
  ) -> PlannedCertificate? {
    guard let name = ServerName(pair.key), case .dns = name else {
      problems.error(
        pair.place, "\"\(pair.key.shortened)\" is no DNS name; certificates are kept under theirs")
      return nil
    }
    let label = "certificate \"\(pair.key)\""
    guard let details = MapReader(pair.value, PlannedFields.section, label: label, problems)
    else { return nil }
    let names = names(details) ?? [name]
    let chosen = details.items(PlannedFields.authorities)?.compactMap {
      authority($0, authorities, details)
    }
    var planned = PlannedCertificate(
      name: name.description, names: names, authorities: chosen ?? authorities)
    planned.reusesKey = details.boolean(PlannedFields.reuseKey) ?? false
    planned.keys = keys(details)
    guard let challenge = challenge(details) else { return nil }
    planned.challenge = challenge
    refuseWildcards(planned, details)
    return planned
  }

  private func names(_ details: MapReader) -> [ServerName]? {
    guard let items = details.items(PlannedFields.names) else { return nil }
    guard items.count <= Self.nameLimit else {
      problems.error(
        details.place, "\(items.count) names\(details.inLabel); at most \(Self.nameLimit)")
      return nil
    }
    return items.compactMap { item in
      guard let text = item.text("a name\(details.inLabel)", problems) else { return nil }
      guard let name = ServerName(text), case .dns = name else {
        return details.refuse(item, PlannedFields.names, "is no DNS name")
      }
      return name
    }
  }

  private func authority(
    _ item: YAMLValue, _ known: [String], _ details: MapReader
  ) -> String? {
    guard let text = item.text("an authority\(details.inLabel)", problems) else { return nil }
    if known.contains(text) { return text }
    problems.error(
      item.place,
      "unknown authority \"\(text.shortened)\"\(Suggestion.text(for: text, among: known))")
    return nil
  }

  private func keys(_ details: MapReader) -> [KeyKind] {
    guard let items = details.items(PlannedFields.keys) else { return [.ecdsaP256] }
    let kinds = items.compactMap { item -> KeyKind? in
      guard let text = item.text("a kind of key\(details.inLabel)", problems) else { return nil }
      return KeyKind(rawValue: text) ?? details.refuse(item, PlannedFields.keys, "is unknown")
    }
    if Set(kinds.map(\.isRSA)).count < kinds.count {
      problems.error(details.place, "keys\(details.inLabel): one RSA and one ECDSA key at most")
    }
    return kinds
  }

  private func challenge(_ details: MapReader) -> ChallengeKind? {
    switch details.choice(PlannedFields.challenge) {
    case "tls-alpn-01": return .tlsALPN01
    case "dns-01":
      guard let dns = map.section(ACMEFields.dns, DNSFields.section) else {
        problems.error(details.place, "challenge dns-01\(details.inLabel) needs acme.dns; write it")
        return nil
      }
      return publisher(dns).map(ChallengeKind.dns01)
    default: return .http01
    }
  }

  private func publisher(_ dns: MapReader) -> DNSPublisher? {
    switch (dns[DNSFields.hook], dns[DNSFields.server]) {
    case (_?, nil): return dns.path(DNSFields.hook).map { .hook(path: $0) }
    case (nil, let value?):
      guard let text = dns.text(DNSFields.server) else { return nil }
      switch AddressText.parse(text) {
      case (.address(let address), let port)?:
        return .update(
          server: address.description, port: port, keyPath: dns.path(DNSFields.key))
      case (.name(let name), let port)?:
        return .update(server: name, port: port, keyPath: dns.path(DNSFields.key))
      case (.all, _)?, nil: return dns.refuse(value, DNSFields.server, "is no address with a port")
      }
    case (nil, nil), (_?, _?):
      problems.error(dns.place, "acme.dns needs a hook or a server; write one of them")
      return nil
    }
  }

  private func refuseWildcards(_ planned: PlannedCertificate, _ details: MapReader) {
    guard planned.challenge.type != "dns-01",
      let name = planned.names.first(where: { $0.description.hasPrefix("*.") })
    else { return }
    problems.error(
      details.place, "\(name) can be proven in the DNS only; write challenge: dns-01")
  }
}
