import Firewall
import Foundation
import Proxy

/// Finds chains and keys in a folder: `NAME.pem`, `NAME.crt` with `NAME.key`, or
/// `NAME/current/{fullchain,key}.pem`.
struct CertificateFolder {
  static let byteLimit = 256 << 10
  static let countLimit = 10_000

  let path: String
  /// Where the configuration names the folder.
  let place: SourcePlace
  let problems: Problems

  /// Sorted by name; what is wrong is told.
  func certificates() -> [ProxyConfiguration.Certificate] {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      problems.error(
        place, "cannot read the folder \"\(path.shortened)\"; make it with: gatehouse cert dev")
      return []
    }
    let pairs = pairs(Set(names.filter { !$0.hasPrefix(".") }))
    guard !pairs.isEmpty else {
      problems.error(
        place, "no certificate in \"\(path.shortened)\"; for a first one: gatehouse cert dev")
      return []
    }
    guard pairs.count <= Self.countLimit else {
      problems.error(
        place, "\(pairs.count) certificates in \"\(path)\"; at most \(Self.countLimit)")
      return []
    }
    return pairs.compactMap(read)
  }

  private struct Pair {
    var name: String
    var chain: String
    var key: String
  }

  private func pairs(_ names: Set<String>) -> [Pair] {
    var pairs: [Pair] = []
    for name in names.sorted() {
      if name.hasSuffix(".pem") {
        pairs.append(Pair(name: String(name.dropLast(4)), chain: name, key: name))
      } else if name.hasSuffix(".crt") {
        let stem = String(name.dropLast(4))
        pairs.append(Pair(name: stem, chain: name, key: stem + ".key"))
      } else if isLink("\(path)/\(name)/current") {
        let folder = "\(name)/current"
        pairs.append(
          Pair(name: name, chain: "\(folder)/fullchain.pem", key: "\(folder)/key.pem"))
      }
    }
    pairs.sort { $0.name < $1.name }
    for (one, other) in zip(pairs, pairs.dropFirst()) where one.name == other.name {
      problems.error(
        place,
        "certificate \"\(one.name.shortened)\" stands twice in \"\(path.shortened)\": "
          + "\(one.chain) and \(other.chain); keep one of them")
    }
    return pairs
  }

  /// A link that leads nowhere, too: its certificate must be missed, not forgotten.
  private func isLink(_ file: String) -> Bool {
    (try? FileManager.default.attributesOfItem(atPath: file)) != nil
  }

  private func read(_ pair: Pair) -> ProxyConfiguration.Certificate? {
    guard let chain = bytes(pair.chain, "CERTIFICATE", isSecret: pair.chain == pair.key)
    else { return nil }
    guard pair.chain != pair.key else {
      guard holds(chain, "PRIVATE KEY", pair.key) else { return nil }
      return ProxyConfiguration.Certificate(name: pair.name, chainPEM: chain, keyPEM: chain)
    }
    guard let key = bytes(pair.key, "PRIVATE KEY", isSecret: true) else { return nil }
    return ProxyConfiguration.Certificate(name: pair.name, chainPEM: chain, keyPEM: key)
  }

  private func bytes(_ name: String, _ label: String, isSecret: Bool) -> [UInt8]? {
    let file = "\(path)/\(name)"
    do throws(FileReader.Failure) {
      let read = try FileReader.read(file, limit: Self.byteLimit)
      guard !isSecret || read.mode & 0o077 == 0 else {
        problems.error(place, "others may read the key in \"\(file)\"; type: chmod 600 \(file)")
        return nil
      }
      return holds(read.bytes, label, name) ? read.bytes : nil
    } catch {
      problems.error(place, "cannot read \"\(file.shortened)\": \(error.text)")
      return nil
    }
  }

  private func holds(_ bytes: [UInt8], _ label: String, _ name: String) -> Bool {
    if String(decoding: bytes, as: UTF8.self).contains("\(label)-----") { return true }
    problems.error(
      place, "no \(label) in \"\(path)/\(name)\"; it must be PEM, as gatehouse cert writes it")
    return false
  }
}
