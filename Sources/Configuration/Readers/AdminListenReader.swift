import Certificates
import Proxy

/// Reads `admin.listen`: a door over TCP, which lets nobody in by itself.
enum AdminListenReader {
  /// Shorter ones can be guessed.
  private static let tokenCharacters = 32

  static func read(
    _ admin: MapReader, _ listeners: [ListenerReader.Found], _ loaded: inout LoadedConfiguration
  ) {
    guard let value = admin[AdminFields.listen] else { return }
    if case .scalar(let text) = value.content {
      return admin.problems.error(
        value.place,
        "listen\(admin.inLabel): an address alone lets nobody in; write how one shows who he is, such as "
          + "listen: { bind: \"\(text.shortened)\", tokens: { admin: secrets/admin.token } }")
    }
    guard let map = admin.section(AdminFields.listen, AdminListenFields.section) else { return }
    var listen = AdminListen()
    listen.addresses = ListenerReader.addresses(map)
    readCertificates(map, &listen)
    listen.names = map[AdminListenFields.names] == nil ? [] : names(map)
    if let tokens = map.section(AdminListenFields.tokens, AdminTokenFields.section) {
      listen.tokens = self.tokens(tokens)
    }
    readClientAuth(map, &listen)
    refuseOpenDoor(map, listen)
    refuseSharedAddresses(map, listen, listeners)
    loaded.adminListen = listen
  }

  private static func readCertificates(_ map: MapReader, _ listen: inout AdminListen) {
    guard let folder = map.path(ListenerFields.certificates) else { return }
    let place = map[ListenerFields.certificates]?.place ?? map.place
    let before = map.problems.isEmpty
    listen.certificateFolder = folder
    listen.certificates = ListenerReader.certificates(map, folder).compactMap(\.certificate)
    guard listen.certificates.isEmpty, before == map.problems.isEmpty else { return }
    map.problems.error(
      place,
      "no certificate in \"\(folder.shortened)\" can be served; make one with: gatehouse cert dev")
  }

  private static func names(_ map: MapReader) -> [String] {
    let field = AdminListenFields.names
    return (map.items(field) ?? []).compactMap { item in
      guard let text = item.text("a host\(map.inLabel)", map.problems) else { return nil }
      if let address = AddressText.address(text) { return address.urlText }
      if let name = HostName.checked(text) { return name }
      switch AddressText.parse(text) {
      case (.name(let name), let port)?: return "\(name):\(port)"
      case (.address(let address), let port)?: return "\(address.urlText):\(port)"
      case (.all, _)?, nil: return map.refuse(item, field, "is no host")
      }
    }
  }

  private static func tokens(_ map: MapReader) -> [AdminRole: [UInt8]] {
    var digests: [AdminRole: [UInt8]] = [:]
    for (field, role) in AdminTokenFields.all {
      guard let path = map.path(field), let place = map[field]?.place else { continue }
      do throws(PasswordFile.Failure) {
        let token = try PasswordFile.read(path)
        guard isToken(token) else {
          map.problems.error(
            place,
            "\"\(path.shortened)\" holds no token: \(token.utf8.count) characters; allowed: at least "
              + "\(tokenCharacters) of a-z, A-Z, 0-9 and -._~+/=, as of: openssl rand -hex 32")
          continue
        }
        let digest = Digest.sha256(Array(token.utf8))
        if let other = digests.first(where: { $0.value == digest })?.key {
          map.problems.error(
            place,
            "\(field.name)\(map.inLabel) is the token of \(other.rawValue), too; make one for each")
        }
        digests[role] = digest
      } catch {
        map.problems.error(place, "\(field.name)\(map.inLabel): \(error.text)")
      }
    }
    if digests.isEmpty, map.problems.isEmpty {
      map.problems.error(
        map.place, "no token\(map.inLabel); write one, such as admin: secrets/admin.token")
    }
    return digests
  }

  /// As RFC 6750 lets it stand in a header.
  private static func isToken(_ text: String) -> Bool {
    text.utf8.count >= tokenCharacters
      && text.utf8.allSatisfy {
        ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || (0x30...0x39).contains($0)
          || "-._~+/=".utf8.contains($0)
      }
  }

  private static func readClientAuth(_ map: MapReader, _ listen: inout AdminListen) {
    guard let section = map.section(AdminListenFields.clientAuth, AdminClientAuthFields.section)
    else { return }
    for (field, role) in AdminClientAuthFields.all where section[field] != nil {
      listen.certificateRoles += ClientAuthReader.names(section, field).map {
        .init(name: $0, role: role)
      }
    }
    guard let authorities = ClientAuthReader.file(section, ClientAuthFields.ca, "CERTIFICATE")
    else { return }
    // With tokens, who has no certificate may still log in.
    var auth = ClientAuth(
      mode: listen.tokens.isEmpty ? .require : .request, authoritiesPEM: authorities)
    if section[ClientAuthFields.crl] != nil {
      guard let revoked = ClientAuthReader.file(section, ClientAuthFields.crl, "X509 CRL") else {
        return
      }
      auth.revokedPEM = revoked
    }
    auth.allowedNames = listen.certificateRoles.map(\.name)
    listen.clientAuth = auth
    if !listen.isTLS {
      section.problems.error(
        section.place, "client_auth\(map.inLabel) needs certificates; name their folder")
    }
    guard listen.certificateRoles.isEmpty, section.problems.isEmpty else { return }
    section.problems.error(
      section.place,
      "client_auth\(map.inLabel) gives nobody a role; write names for one, such as "
        + "admin: alice@example.com")
  }

  private static func refuseOpenDoor(_ map: MapReader, _ listen: AdminListen) {
    if map[AdminListenFields.tokens] == nil, map[AdminListenFields.clientAuth] == nil {
      map.problems.error(
        map.place,
        "\(map.label) lets nobody in; write tokens or client_auth, such as "
          + "tokens: { admin: secrets/admin.token }")
    }
    guard !listen.isTLS, map[ListenerFields.certificates] == nil,
      let open = listen.addresses.first(where: { $0.address?.isLoopback != true })
    else { return }
    map.problems.error(
      map[ListenerFields.bind]?.place ?? map.place,
      "bind\(map.inLabel): \(open) without certificates would send tokens in clear; name a certificates "
        + "folder, or bind 127.0.0.1")
  }

  private static func refuseSharedAddresses(
    _ map: MapReader, _ listen: AdminListen, _ listeners: [ListenerReader.Found]
  ) {
    for found in listeners {
      for address in listen.addresses where found.listener.addresses.contains(address) {
        map.problems.error(
          map[ListenerFields.bind]?.place ?? map.place,
          "\(address) is bound by listener \"\(found.listener.name)\", too (line \(found.place.line))"
        )
      }
    }
  }
}
