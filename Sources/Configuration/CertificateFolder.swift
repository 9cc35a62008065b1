internal import Firewall
internal import Foundation
internal import Proxy

/// The certificates of a folder: versions made by `gatehouse cert`, and plain files as other tools
/// leave them.
enum CertificateFolder {
  private static let byteLimit = 256 << 10

  static func read(
    _ folder: URL, at place: SourcePlace, _ problems: Problems
  ) -> [ProxyConfiguration.Certificate] {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else {
      problems.error(
        place,
        "there is no folder \(folder.path); make one with: gatehouse cert dev --dir \(folder.path)")
      return []
    }
    let found = names.sorted().filter { !$0.hasPrefix(".") }.compactMap {
      certificate($0, in: folder, among: names, problems)
    }
    if found.isEmpty, !problems.hasErrors {
      problems.error(
        place,
        "no certificate in \(folder.path); make one with: gatehouse cert dev --dir \(folder.path)")
    }
    return found
  }

  private static func certificate(
    _ file: String, in folder: URL, among names: [String], _ problems: Problems
  ) -> ProxyConfiguration.Certificate? {
    let url = folder.appendingPathComponent(file)
    let name = url.deletingPathExtension().lastPathComponent
    switch url.pathExtension {
    case "pem":
      return load(name, chain: url, key: url, problems)
    case "crt":
      guard names.contains("\(name).key") else {
        problems.error(
          SourcePlace(file: url.path, line: 0, column: 0), "has no key beside it: \(name).key")
        return nil
      }
      return load(name, chain: url, key: folder.appendingPathComponent("\(name).key"), problems)
    default:
      let current = url.appendingPathComponent("current")
      let chain = current.appendingPathComponent("fullchain.pem")
      guard FileManager.default.fileExists(atPath: chain.path) else { return nil }
      return load(file, chain: chain, key: current.appendingPathComponent("key.pem"), problems)
    }
  }

  private static func load(
    _ name: String, chain: URL, key: URL, _ problems: Problems
  ) -> ProxyConfiguration.Certificate? {
    let attributes = try? FileManager.default.attributesOfItem(
      atPath: key.resolvingSymlinksInPath().path)
    let mode = (attributes?[.posixPermissions] as? NSNumber)?.intValue ?? 0
    guard mode & 0o077 == 0 else {
      let octal = String(mode, radix: 8)
      problems.error(
        SourcePlace(file: key.path, line: 0, column: 0),
        "others can read this private key (mode \(octal)); type: chmod 600 \(key.path)")
      return nil
    }
    guard let chainPEM = FileBytes.read(chain.path, limit: byteLimit, problems),
      let keyPEM = FileBytes.read(key.path, limit: byteLimit, problems)
    else { return nil }
    return ProxyConfiguration.Certificate(name: name, chainPEM: chainPEM, keyPEM: keyPEM)
  }
}
