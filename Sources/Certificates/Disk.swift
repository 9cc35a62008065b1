internal import Foundation
internal import Glibc

/// Files that are there whole after a power cut, or not at all.
enum Disk {
  /// More than any certificate file holds.
  static let byteLimit = 1 << 20

  static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  static func read(_ path: String) throws(CertificateError) -> [UInt8] {
    var status = stat()
    // Looked at before it is opened: opening a device may do something.
    if unsafe stat(path, &status) == 0 { try checkKind(status, of: path) }
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else {
      guard errno != ENOENT || !path.contains("\u{fffd}") else {
        throw CertificateError(path, "its name is not UTF-8; rename it")
      }
      throw .system(path, "cannot read")
    }
    defer { close(file) }
    guard unsafe fstat(file, &status) == 0 else { throw .system(path, "cannot look at") }
    try checkKind(status, of: path)
    guard status.st_size <= byteLimit else {
      throw CertificateError(path, "larger than \(byteLimit >> 20) MiB, so no certificate file")
    }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while bytes.count <= byteLimit {
      let count = unsafe Glibc.read(file, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .system(path, "cannot read") }
      guard count > 0 else { break }
      bytes += buffer.prefix(count)
    }
    return bytes
  }

  private static func checkKind(_ status: stat, of path: String) throws(CertificateError) {
    switch status.st_mode & S_IFMT {
    case S_IFREG: return
    case S_IFDIR: throw CertificateError(path, "is a folder; name the file in it")
    case S_IFIFO: throw CertificateError(path, "is a pipe; write it to a file first")
    case S_IFSOCK: throw CertificateError(path, "is a socket, no file")
    case S_IFCHR, S_IFBLK: throw CertificateError(path, "is a device, no file")
    default: throw CertificateError(path, "is not a plain file")
    }
  }

  /// What the gates want to know of a key's file.
  static func keyFile(_ path: String) throws(CertificateError) -> KeyFile {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { throw .system(path, "cannot look at") }
    var folder = stat()
    guard unsafe stat(parent(of: path), &folder) == 0 else { throw .system(path, "cannot look at") }
    return KeyFile(
      path: path, mode: status.st_mode & 0o7777, owner: status.st_uid,
      allowedOwners: [geteuid(), 0, folder.st_uid])
  }

  /// Gives what root made to the owner of the folder it is in, whose process has to read it.
  static func giveToOwner(of folder: String, _ paths: [String]) throws(CertificateError) {
    var status = stat()
    guard geteuid() == 0, unsafe stat(folder, &status) == 0, status.st_uid != 0 else { return }
    for path in paths {
      guard unsafe lchown(path, status.st_uid, status.st_gid) == 0 else {
        throw .system(path, "cannot give it to the folder's owner")
      }
    }
  }

  /// Holds a folder for one writer while `body` runs; another one waits for him, 40 s at most. Who only
  /// tries makes no folder and no lock.
  static func locked<Value>(
    _ folder: String, isDryRun: Bool = false, _ body: () throws(CertificateError) -> Value
  ) throws(CertificateError) -> Value {
    guard !isDryRun else { return try body() }
    try makeDirectory(folder, mode: 0o755)
    let path = "\(folder)/.lock"
    let file = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw .system(path, "cannot lock") }
    defer { close(file) }
    try giveToOwner(of: folder, [path])
    var waits = 800
    while flock(file, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK || errno == EINTR else { throw .system(path, "cannot lock") }
      guard waits > 0 else {
        throw CertificateError(folder, "another gatehouse cert is at work here; try again")
      }
      waits -= 1
      usleep(50_000)
    }
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    where name.hasPrefix(replacementPrefix) { remove("\(folder)/\(name)") }
    return try body()
  }

  /// A new file, on the disk when this returns; one that is there already is an error.
  static func write(_ bytes: [UInt8], to path: String, mode: mode_t) throws(CertificateError) {
    let file = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
    guard file >= 0 else { throw .system(path, "cannot write") }
    defer { close(file) }
    var written = 0
    while written < bytes.count {
      let rest = Array(bytes[written...])
      let count = unsafe Glibc.write(file, rest, rest.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .system(path, "cannot write") }
      written += count
    }
    guard fsync(file) == 0 else { throw .system(path, "cannot write to the disk") }
  }

  /// A folder and those above it; one that is there already stays as it is.
  static func makeDirectory(_ path: String, mode: mode_t) throws(CertificateError) {
    if isDirectory(path) { return }
    let parent = parent(of: path)
    try makeDirectory(parent, mode: 0o755)
    guard unsafe mkdir(path, mode) == 0 || errno == EEXIST else {
      throw .system(path, "cannot make the folder")
    }
    guard isDirectory(path) else { throw CertificateError(path, "not a folder") }
    try sync(parent)
  }

  static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  static func rename(_ old: String, to new: String) throws(CertificateError) {
    guard unsafe Glibc.rename(old, new) == 0 else { throw .system(new, "cannot put in place") }
  }

  /// Makes `path` a link in one step, so a reader sees the old aim or the new one.
  static func link(_ path: String, to aim: String) throws(CertificateError) {
    let temporary = "\(path).\(getpid()).new"
    unsafe unlink(temporary)
    guard unsafe symlink(aim, temporary) == 0 else { throw .system(path, "cannot link") }
    try rename(temporary, to: path)
  }

  /// What a file is called until it is whole; a crash may leave one.
  private static let replacementPrefix = ".new."

  /// A file that is replaced whole, in one step.
  static func replace(_ path: String, with bytes: [UInt8], mode: mode_t) throws(CertificateError) {
    let temporary = "\(parent(of: path))/\(replacementPrefix)\(getpid())"
    unsafe unlink(temporary)
    do throws(CertificateError) {
      try write(bytes, to: temporary, mode: mode)
      try giveToOwner(of: parent(of: path), [temporary])
      try rename(temporary, to: path)
      try sync(parent(of: path))
    } catch {
      remove(temporary)
      throw error
    }
  }

  static func aim(of link: String) -> String? {
    var text = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = unsafe readlink(link, &text, text.count)
    guard count > 0 else { return nil }
    return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Puts a folder's entries on the disk.
  static func sync(_ folder: String) throws(CertificateError) {
    let file = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard file >= 0 else { throw .system(folder, "cannot open") }
    defer { close(file) }
    guard fsync(file) == 0 else { throw .system(folder, "cannot write to the disk") }
  }

  /// The names in a folder, sorted, without those that begin with a dot.
  static func names(in folder: String) throws(CertificateError) -> [String] {
    guard let all = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
      throw CertificateError(folder, "cannot list; is it a folder you may read?")
    }
    return all.filter { !$0.hasPrefix(".") }.sorted()
  }

  /// What a crash left of a version; only for who holds the lock.
  static func removeUnfinished(in folder: String) {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in all
    where name.hasPrefix(".v") || name.hasPrefix("current.") || name.hasPrefix(replacementPrefix) {
      remove("\(folder)/\(name)")
    }
  }

  static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }
}
