public import Foundation

/// A certificates folder: versions that never change, and plain files of other tools.
///
///     NAME/v0001/{fullchain.pem,key.pem,meta.json}    NAME/current -> v0001
///     NAME.pem                                        NAME.crt with NAME.key
public struct CertificateStore: Sendable {
  public let directory: String

  public init(directory: String) {
    let isRoot = directory.allSatisfy { $0 == "/" }
    self.directory =
      isRoot ? directory : String(directory.reversed().drop { $0 == "/" }.reversed())
  }

  /// The folder a certificate named so is kept in: `*.shop.test` is in `wildcard_.shop.test`.
  public static func folderName(for name: String) -> String {
    let safe = name.lowercased().replacingOccurrences(of: "*", with: "wildcard_")
    let kept = safe.map { letter in
      letter.isASCII && (letter.isLetter || letter.isNumber || "-_.".contains(letter))
        ? letter : "_"
    }
    // No dot in front: such entries are ours, and `..` would lead out of the folder.
    return kept.first == "." ? "_" + String(kept.dropFirst()) : String(kept)
  }

  /// RSA has a folder of its own beside that of the others, so that both can serve one name.
  public static func folderName(for name: String, isRSA: Bool) -> String {
    let folder = folderName(for: name)
    let stem = folder.without(suffix: rsaSuffix) ?? folder
    return isRSA ? stem + rsaSuffix : stem
  }

  static let rsaSuffix = ".rsa"
  private static let nameLimit = 200

  /// Refuses what could not be told from a plain file, or has no folder.
  static func checkName(_ name: String) throws(CertificateError) {
    guard !name.isEmpty, name.utf8.count <= nameLimit else {
      throw CertificateError("\"\(name.prefix(20))\"", "a name has 1 to \(nameLimit) letters")
    }
    let ending = [".pem", ".crt", ".key"].first { folderName(for: name).hasSuffix($0) }
    if let ending {
      throw CertificateError(name, "a name does not end in \(ending): plain files do")
    }
  }

  /// Everything in the folder, by name.
  public func list() throws(CertificateError) -> [StoredCertificate] {
    guard Disk.exists(directory) else { return [] }
    let entries = try Disk.names(in: directory)
    var found: [StoredCertificate] = []
    for entry in entries {
      let path = "\(directory)/\(entry)"
      if Disk.isDirectory(path) {
        if let stored = try versioned(entry) ?? Self.misplaced(entry, at: path) {
          found.append(stored)
        }
      } else if let name = entry.without(suffix: ".pem") {
        found.append(
          .init(name: name, chainPath: path, keyPath: path, version: nil, versions: []))
      } else if let name = entry.without(suffix: ".crt") {
        let key = "\(directory)/\(name).key"
        found.append(
          .init(name: name, chainPath: path, keyPath: key, version: nil, versions: []))
      }
    }
    return found.sorted { $0.name < $1.name }
  }

  /// The one with this name, as typed or as its folder is called.
  public func certificate(named name: String) throws(CertificateError) -> StoredCertificate {
    let all = try list()
    let folder = Self.folderName(for: name)
    guard
      let found = all.first(where: { $0.name == name }) ?? all.first(where: { $0.name == folder })
    else {
      let known = all.map(\.name).joined(separator: ", ")
      let hint = known.isEmpty ? "there is none" : "there are: \(known)"
      throw CertificateError(name, "no such certificate in \(directory); \(hint)")
    }
    return found
  }

  /// Writes the next version and leaves the current one serving; the gates come first.
  public func stage(
    _ issued: IssuedCertificate, as name: String, source: VersionRecord.Source,
    now: Date = Date()
  ) throws(CertificateError) -> StagedVersion {
    let report = CertificateGates.check(
      chainPEM: issued.chainPEM, keyPEM: issued.keyPEM, name: name,
      context: try context(now: now))
    guard report.isGood else {
      let why = report.problems.joined(separator: "; ")
      throw CertificateError(name, "stopped at the gates: \(why)")
    }
    return try write(issued, report, as: name, source: source, now: now)
  }

  /// Writes what has passed the gates, its chain put in order and its key alone in its file.
  func write(
    _ issued: IssuedCertificate, _ report: GateReport, as name: String,
    source: VersionRecord.Source, now: Date
  ) throws(CertificateError) -> StagedVersion {
    guard let bundle = report.bundle else { throw CertificateError(name, "cannot be read") }
    let key = try PrivateKey.read(from: issued.keyPEM, of: name)
    let certificate = Self.folderName(for: name, isRSA: key.isRSA)
    let folder = "\(directory)/\(certificate)"
    try Disk.makeDirectory(folder, mode: 0o755)
    let current = Self.currentVersion(in: folder)
    let number = (try Self.versions(in: folder).last ?? 0) + 1
    let record = VersionRecord(bundle, source: source, created: now, previous: current)
    let temporary =
      "\(folder)/.\(Self.versionName(number)).\(ProcessInfo.processInfo.processIdentifier)"
    Disk.removeUnfinished(in: folder)
    do throws(CertificateError) {
      try Disk.makeDirectory(temporary, mode: 0o755)
      let files = ["fullchain.pem", "key.pem", "meta.json"].map { "\(temporary)/\($0)" }
      try Disk.write(bundle.chainPEM, to: files[0], mode: 0o444)
      try Disk.write(try key.pem(), to: files[1], mode: 0o600)
      try Disk.write(try record.json(of: temporary), to: files[2], mode: 0o444)
      try Disk.giveToOwner(of: directory, files + [temporary, folder])
      try Disk.sync(temporary)
      // Onto a version another process made meanwhile, this fails: it is not empty.
      try Disk.rename(temporary, to: "\(folder)/\(Self.versionName(number))")
      try Disk.sync(folder)
    } catch {
      Disk.remove(temporary)
      throw error
    }
    return StagedVersion(certificate: certificate, folder: folder, number: number, report: report)
  }

  /// Makes a staged version the one that serves.
  public func activate(_ version: StagedVersion) throws(CertificateError) {
    try Disk.link("\(version.folder)/current", to: Self.versionName(version.number))
    try Disk.sync(version.folder)
  }

  /// How many versions of a certificate are kept.
  public static let versionsKept = 5

  /// Removes the oldest versions above the limit, and says which; never the one that serves, nor
  /// the one before it.
  func prune(_ version: StagedVersion, previous: Int?) throws(CertificateError) -> [Int] {
    let all = try Self.versions(in: version.folder)
    let spare = all.filter { $0 != version.number && $0 != previous }
    let removed = Array(spare.prefix(max(0, all.count - Self.versionsKept)))
    for number in removed {
      // Under a name that nobody lists first, so that a version is never there by halves.
      let doomed = "\(version.folder)/.\(Self.versionName(number)).old"
      try Disk.rename("\(version.folder)/\(Self.versionName(number))", to: doomed)
      Disk.remove(doomed)
      Disk.remove(Self.statePath(number, in: version.folder))
    }
    return removed
  }

  public static func versionName(_ number: Int) -> String {
    let digits = String(number)
    return "v" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  /// A folder that is called as a plain file would be: listed, so that somebody is told.
  private static func misplaced(_ entry: String, at path: String) -> StoredCertificate? {
    guard let name = entry.without(suffix: ".pem") ?? entry.without(suffix: ".crt") else {
      return nil
    }
    return StoredCertificate(name: name, chainPath: path, keyPath: path, version: nil, versions: [])
  }

  private func versioned(_ name: String) throws(CertificateError) -> StoredCertificate? {
    let folder = "\(directory)/\(name)"
    let all = try Self.versions(in: folder)
    let aim = Disk.aim(of: "\(folder)/current")
    guard aim != nil || Disk.exists("\(folder)/current") else {
      guard let last = all.last else { return nil }
      let path = "\(folder)/\(Self.versionName(last))"
      return StoredCertificate(
        name: name, chainPath: "\(path)/fullchain.pem", keyPath: "\(path)/key.pem", version: nil,
        versions: all, isServing: false)
    }
    guard let current = aim.flatMap(Self.versionNumber) else {
      // Another tool's folder, a link gone astray, or one that a copy has made a folder: served all
      // the same, so listed all the same.
      return StoredCertificate(
        name: name, chainPath: "\(folder)/current/fullchain.pem",
        keyPath: "\(folder)/current/key.pem", version: nil, versions: all)
    }
    return StoredCertificate(
      name: name,
      chainPath: "\(folder)/\(Self.versionName(current))/fullchain.pem",
      keyPath: "\(folder)/\(Self.versionName(current))/key.pem",
      version: current, versions: all)
  }

  static func versions(in folder: String) throws(CertificateError) -> [Int] {
    try Disk.names(in: folder).compactMap(versionNumber).sorted()
  }

  static func currentVersion(in folder: String) -> Int? {
    Disk.aim(of: "\(folder)/current").flatMap(versionNumber)
  }

  static func versionNumber(_ name: String) -> Int? {
    guard name.first == "v", let number = Int(name.dropFirst()), number > 0,
      versionName(number) == name
    else { return nil }
    return number
  }
}

/// A version on the disk that does not serve yet.
public struct StagedVersion: Sendable {
  /// The stored certificate it is a version of.
  public let certificate: String
  let folder: String
  public let number: Int
  public let report: GateReport

  /// As its folder is called: `v0002`.
  public var name: String { CertificateStore.versionName(number) }
}

extension String {
  fileprivate func without(suffix: String) -> String? {
    hasSuffix(suffix) && utf8.count > suffix.utf8.count ? String(dropLast(suffix.count)) : nil
  }
}
