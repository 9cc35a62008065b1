public import Firewall
public import Proxy

/// Where in a configuration file things stand: the values themselves carry no places.
public struct ConfigurationPlaces {
  private let root: YAMLValue?

  /// Knows of nothing where the file can't be read.
  public init(reading path: String) { root = YAMLDocument.read(path, Problems()) }

  /// Of the last of these keys, each within the one before; in a list, an index is a key. Nil where
  /// the file does not say it.
  public func place(_ keys: String...) -> SourcePlace? { place(keys) }

  /// What a setting says, where it is one value.
  public func text(_ keys: String...) -> String? {
    guard case .scalar(let text) = find(keys)?.value.content else { return nil }
    return text
  }

  /// A path of the file, as it is from here.
  public func resolved(_ path: String) -> String {
    root.map { FilePath.resolve(path, from: $0.place.file) } ?? path
  }

  public func listener(_ name: String) -> SourcePlace? { place("listeners", name) }

  public func backend(_ name: String) -> SourcePlace? { place("backends", name) }

  /// The route, or of its settings this one.
  public func route(_ index: Int, _ field: String? = nil) -> SourcePlace? {
    place(["routes", "\(index)"] + (field.map { [$0] } ?? [])) ?? place("routes", "\(index)")
  }

  /// The file of the authority whose certificates clients of a host must show, as it is written.
  public func authority(of listener: String, host: String) -> String? {
    for keys in Self.clientAuthKeys(listener, host) {
      guard case .scalar(let path) = find(keys + ["client_auth", "ca"])?.value.content else {
        continue
      }
      return path
    }
    return nil
  }

  /// What asks clients of a host for their certificates.
  public func clientAuth(of listener: String, host: String) -> SourcePlace? {
    Self.clientAuthKeys(listener, host).lazy.compactMap { place($0 + ["client_auth"]) }.first
  }

  /// Where the terms of a host may stand, in the order in which they count.
  private static func clientAuthKeys(_ listener: String, _ host: String) -> [[String]] {
    let labels = host.split(separator: ".", maxSplits: 1)
    let names = [host] + (labels.count == 2 ? ["*.\(labels[1])"] : [])
    let tls = ["listeners", listener, "tls"]
    return names.map { tls + ["hosts", $0] } + [tls]
  }

  /// Of one that was resolved from a name, its name's.
  public func server(_ id: ServerID) -> SourcePlace? {
    let written = String(id.server.prefix { $0 != "@" })
    if let named = place("backends", id.backend, "servers", written) { return named }
    // In a list they are called s1, s2 ...
    guard written.hasPrefix("s"), let number = Int(written.dropFirst()), number > 0 else {
      return nil
    }
    return place("backends", id.backend, "servers", "\(number - 1)")
  }

  private func place(_ keys: [String]) -> SourcePlace? { find(keys)?.place }

  private func find(_ keys: [String]) -> (place: SourcePlace, value: YAMLValue)? {
    guard let root else { return nil }
    var found = (place: root.place, value: root)
    for key in keys {
      switch found.value.content {
      case .map(let pairs):
        guard let pair = pairs.first(where: { $0.key == key }) else { return nil }
        found = (pair.place, pair.value)
      case .list(let items):
        guard let index = Int(key), items.indices.contains(index) else { return nil }
        found = (items[index].place, items[index])
      case .scalar, .nothing:
        // One alone is a list of one.
        guard key == "0" else { return nil }
      }
    }
    return found
  }
}
