internal import Foundation
internal import Glibc
internal import Synchronization

/// Whether something in certificates folders has changed and then kept still: a file that is being
/// written is not read half-way.
///
/// Looking is what works everywhere: no event tells of a link's aim, nor of a file on NFS.
final class FolderWatch: Sendable {
  private struct State {
    var known: [Mark]
    var last: [Mark]
  }

  private let state: Mutex<State>

  /// What changed between the first reading and this moment would be missed: so the first look that
  /// finds the folders still is told as a change.
  init(folders: [String]) { state = Mutex(State(known: [], last: Self.marks(of: folders))) }

  /// To be asked every second or so; true once for each change.
  func hasChanged(_ folders: [String]) -> Bool {
    let now = Self.marks(of: folders)
    return state.withLock { state in
      defer { state.last = now }
      guard now != state.known, now == state.last else { return false }
      state.known = now
      return true
    }
  }

  /// What one sees of a file without opening it.
  private struct Mark: Equatable {
    var path: String
    var inode: UInt
    var size: Int
    var modified: [Int]
    var mode: UInt32
  }

  /// Files, and those within the folders of the first level; names that begin with a dot are ours.
  private static func marks(of folders: [String]) -> [Mark] {
    Set(folders).sorted().flatMap { folder in
      names(in: folder).flatMap { name -> [Mark] in
        let path = "\(folder)/\(name)"
        guard let mark = mark(of: path) else { return [] }
        let own = isWatched(name) ? [mark] : []
        guard mark.mode & S_IFMT == S_IFDIR else { return own }
        // Versions never change; which of them serves is told by the link.
        return own
          + names(in: "\(path)/current").compactMap { self.mark(of: "\(path)/current/\($0)") }
      }
    }
  }

  /// What no certificate lies in, such as a tool's log, may change as often as it likes.
  private static func isWatched(_ name: String) -> Bool {
    [".pem", ".crt", ".key"].contains { name.hasSuffix($0) }
  }

  private static func names(in folder: String) -> [String] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return all.filter { !$0.hasPrefix(".") }.sorted()
  }

  private static func mark(of path: String) -> Mark? {
    var status = stat()
    // A link that leads nowhere is there, too.
    guard unsafe stat(path, &status) == 0 || lstat(path, &status) == 0 else { return nil }
    return Mark(
      path: path, inode: status.st_ino, size: status.st_size,
      modified: [
        status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
        status.st_ctim.tv_nsec,
      ], mode: status.st_mode)
  }
}
