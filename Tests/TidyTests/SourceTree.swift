import Foundation

/// The package's own files, as paths from its root.
enum SourceTree {
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Every Swift file below a folder of the package, sorted.
  static func swiftFiles(in folder: String) -> [String] {
    files(in: folder).filter { $0.hasSuffix(".swift") }
  }

  static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  /// What git tracks; where git cannot say, the folders a repository would hold.
  static func tracked() throws -> [String] {
    let git = Process()
    git.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    git.arguments = ["git", "-C", root.path, "ls-files", "-z"]
    git.standardError = FileHandle.nullDevice
    let pipe = Pipe()
    git.standardOutput = pipe
    try git.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    git.waitUntilExit()
    let names = output.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    guard git.terminationStatus != 0 || names.isEmpty else { return names }
    return ["Sources", "Tests", "Fuzz", "Benchmarks", "docs", "scripts"].flatMap(files)
  }

  private static func files(in folder: String) -> [String] {
    let all = FileManager.default.enumerator(atPath: root.appending(path: folder).path)
    var found: [String] = []
    while let name = all?.nextObject() as? String { found.append("\(folder)/\(name)") }
    return found.filter { !isFolder($0) }.sorted()
  }

  private static func isFolder(_ path: String) -> Bool {
    let url = root.appending(path: path)
    return (try? url.resourceValues(forKeys: [.isDirectoryKey]).isDirectory) ?? false
  }
}
