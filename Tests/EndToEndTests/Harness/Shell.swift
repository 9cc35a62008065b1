import Foundation
import Testing

/// What a program printed and how it ended.
struct Output {
  let status: Int32
  let standardOutput: String
  let standardError: String
}

/// Runs a program to its end; it is killed after `seconds`.
@discardableResult
func run(
  _ program: String, _ arguments: [String], input: Data? = nil, seconds: Double = 60,
  environment: [String: String] = [:]
) throws -> Output {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = [program] + arguments
  process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
  let output = Pipe()
  let errors = Pipe()
  process.standardOutput = output
  process.standardError = errors
  let source = Pipe()
  process.standardInput = source
  try process.run()
  // Not held by it, nor its pipes: the queue keeps the work until its time, cancelled or not, and with
  // more than 1,350 descriptors Foundation's `run` reads past the end of its list of them.
  let killer = DispatchWorkItem { [weak process] in
    if let process, process.isRunning { process.terminate() }
  }
  DispatchQueue.global().asyncAfter(deadline: .now() + seconds, execute: killer)
  let collected = Collected()
  let group = DispatchGroup()
  DispatchQueue.global().async(group: group) {
    collected.errors = errors.fileHandleForReading.readDataToEndOfFile()
  }
  if let input { try? source.fileHandleForWriting.write(contentsOf: input) }
  try? source.fileHandleForWriting.close()
  let data = output.fileHandleForReading.readDataToEndOfFile()
  group.wait()
  process.waitUntilExit()
  killer.cancel()
  return Output(
    status: process.terminationStatus, standardOutput: String(decoding: data, as: UTF8.self),
    standardError: String(decoding: collected.errors, as: UTF8.self))
}

private final class Collected: @unchecked Sendable { var errors = Data() }

/// The repository, and the program under test beside the tests' own binary.
enum Place {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Built with the tests, into the same folder.
  static let gatehouse: String = {
    let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    return tests.deletingLastPathComponent().appendingPathComponent("gatehouse").path
  }()
}

/// A folder that is removed with its owner.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent(
      "gatehouse-e2e-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  func write(_ name: String, _ text: String) throws -> String {
    let file = url.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
    return file.path
  }

  deinit { try? FileManager.default.removeItem(at: url) }
}
