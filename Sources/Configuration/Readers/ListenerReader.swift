import Certificates
import Firewall
import Proxy

/// Reads `listeners`.
enum ListenerReader {
  struct Found {
    var listener: ProxyConfiguration.Listener
    var place: SourcePlace
    var certificateFolder: String?
    var certificates: [FoundCertificate] = []
    var redirectPlace: SourcePlace?
    var map: MapReader
  }

  static func read(_ file: MapReader) -> [Found] {
    let pairs = file.names(FileFields.listeners)
    if pairs.isEmpty, let place = file[FileFields.listeners]?.place, file.problems.isEmpty {
      file.problems.error(place, "no listener; write one, such as https: { bind: \":443\" }")
    }
    var found = pairs.compactMap { read($0, file.problems) }
    refuseSharedAddresses(found, file.problems)
    resolveRedirects(&found, file.problems)
    return found
  }

  private static func read(_ pair: YAMLValue.Pair, _ problems: Problems) -> Found? {
    let label = "listener \"\(pair.key)\""
    guard let map = MapReader(pair.value, ListenerFields.section, label: label, problems)
    else { return nil }
    let addresses = addresses(map)
    var listener = ProxyConfiguration.Listener(name: pair.key, addresses: addresses)
    let folder = map.path(ListenerFields.certificates)
    let certificates = folder.map { self.certificates(map, $0) } ?? []
    listener.tls = tls(map, folder, certificates)
    listener.announcers = announcers(map)
    let redirects = map.choice(ListenerFields.redirect) != nil
    if redirects, folder != nil {
      map.problems.error(
        map.place, "\(label) has both redirect and certificates; a redirect is plain HTTP")
    }
    return Found(
      listener: listener, place: pair.place, certificateFolder: folder, certificates: certificates,
      redirectPlace: redirects ? map[ListenerFields.redirect]?.place : nil, map: map)
  }

  static func addresses(_ map: MapReader, _ field: Field = ListenerFields.bind) -> [SocketAddress] {
    var addresses: [SocketAddress] = []
    for item in map.items(field) ?? [] {
      guard let text = item.text("an address\(map.inLabel)", map.problems) else { continue }
      switch AddressText.parse(text) {
      case (.all, let port)?:
        addresses += [.ipv4(0, port: port), .ipv6(0, port: port)]
      case (.address(let address), let port)?:
        addresses.append(SocketAddress(address, port: port))
      case (.name, _)?:
        let _: Void? = map.refuse(item, field, "is a name, not an address")
      case nil:
        let _: Void? = map.refuse(item, field, "is no address with a port")
      }
    }
    var seen: Set<SocketAddress> = []
    return addresses.filter { seen.insert($0).inserted }
  }

  private static func announcers(_ map: MapReader) -> AccessRules? {
    guard let section = map.section(ListenerFields.proxyProtocol, ProxyProtocolFields.section)
    else { return nil }
    return NetworkList.read(section, ProxyProtocolFields.from)
  }

  /// What is wrong with one is a warning: it never stops the others.
  static func certificates(_ map: MapReader, _ folder: String) -> [FoundCertificate] {
    let place = map[ListenerFields.certificates]?.place ?? map.place
    do throws(CertificateFolder.Failure) {
      let found = try CertificateFolder(path: folder).read()
      let owners = NameOwners(found)
      for one in found {
        for problem in one.problems {
          let what = one.isOnlyExpired ? "is served for want of a better" : "is not served"
          map.problems.warning(
            place, "certificate \"\(one.name.shortened)\" \(what): \(problem)")
        }
        for warning in one.warnings + owners.warnings(of: one.name).map({ "names: \($0)" }) {
          map.problems.warning(place, "certificate \"\(one.name.shortened)\": \(warning)")
        }
      }
      return found
    } catch {
      map.problems.error(place, error.description)
      return []
    }
  }

  private static func tls(
    _ map: MapReader, _ folder: String?, _ found: [FoundCertificate]
  ) -> ProxyConfiguration.TLS? {
    guard folder != nil else {
      for field in [ListenerFields.tls, ListenerFields.defaultCertificate] {
        guard let place = map.keyPlace(field) else { continue }
        map.problems.error(
          place, "\(field.name)\(map.inLabel) needs certificates; name their folder")
      }
      return nil
    }
    var tls = ProxyConfiguration.TLS()
    tls.certificates = found.compactMap(\.certificate)
    if let details = map.section(ListenerFields.tls, TLSFields.section) {
      if details.choice(TLSFields.minimum) == "1.3" { tls.minimum = .tls13 }
      tls.tickets = details.integer(TLSFields.tickets) ?? tls.tickets
      ClientAuthReader.read(details, &tls)
    }
    tls.defaultCertificate = defaultCertificate(map, found.map(\.name))
    return tls
  }

  private static func defaultCertificate(_ map: MapReader, _ names: [String]) -> String? {
    let field = ListenerFields.defaultCertificate
    guard let name = map.text(field), !names.isEmpty else { return nil }
    if names.contains(name) { return name }
    map.problems.error(
      map[field]?.place ?? map.place,
      "no certificate \"\(name.shortened)\"\(map.inLabel)"
        + Suggestion.text(for: name, among: names)
    )
    return nil
  }

  private static func refuseSharedAddresses(_ found: [Found], _ problems: Problems) {
    var owners: [SocketAddress: Found] = [:]
    for one in found {
      for address in one.listener.addresses {
        if let owner = owners[address] {
          problems.error(
            one.place,
            "\(address) is bound by listener \"\(owner.listener.name)\", too "
              + "(line \(owner.place.line))"
          )
        } else {
          owners[address] = one
        }
      }
    }
  }

  private static func resolveRedirects(_ found: inout [Found], _ problems: Problems) {
    let secure = found.filter { $0.certificateFolder != nil }
    let ports = Set(secure.flatMap { $0.listener.addresses.map(\.port) })
    for index in found.indices {
      guard let place = found[index].redirectPlace else { continue }
      if secure.isEmpty {
        problems.error(
          place, "redirect: no listener has certificates; give one a certificates folder")
      } else if secure.count > 1 || ports.count > 1 {
        let texts = ports.sorted().map { "\($0)" }.joined(separator: ", ")
        problems.error(
          place,
          "redirect: which HTTPS port is not clear (\(texts)); "
            + "allowed: one HTTPS listener with one port")
      } else {
        found[index].listener.redirectToHTTPSPort = ports.first
      }
    }
  }
}
