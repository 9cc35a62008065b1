/// Files of other tools that bear the name a version is to be kept under.
extension Activation {
  struct Moved {
    let old: String
    let new: String
  }

  /// What has to go aside; one with another kind of key must be renamed by hand first.
  func foreignFiles(name: String, isRSA: Bool) throws(CertificateError) -> [String] {
    let plain = CertificateStore.folderName(for: name, isRSA: false)
    for stored in try store.list() where !stored.chainPath.contains("/\(stored.name)/") {
      guard stored.name == name || stored.name == plain else { continue }
      let isFileRSA = (try? stored.load())?.keyType.hasPrefix("rsa") ?? isRSA
      if isFileRSA == isRSA { return Array(Set([stored.chainPath, stored.keyPath])).sorted() }
      guard stored.name != name else {
        throw CertificateError(
          stored.chainPath,
          "bears this name with another kind of key; to keep both, rename it first, to "
            + "\(name)\(CertificateStore.rsaSuffix) with its ending; else remove it")
      }
    }
    return []
  }

  /// Into the version's folder, under a name that nobody lists.
  func moveAside(
    _ files: [String], for version: StagedVersion
  ) throws(CertificateError) -> [Moved] {
    guard !files.isEmpty else { return [] }
    let folder = "\(version.folder)/.before"
    try Disk.makeDirectory(folder, mode: 0o700)
    var moved: [Moved] = []
    for file in files where Disk.exists(file) {
      let name = file.split(separator: "/").last.map(String.init) ?? "file"
      try Disk.rename(file, to: "\(folder)/\(name)")
      moved.append(Moved(old: file, new: "\(folder)/\(name)"))
    }
    try Disk.sync(folder)
    try Disk.sync(store.directory)
    return moved
  }
}
