import ArgumentParser
import Configuration
import Control
import Foundation

/// Ends the command, and says why.
struct CommandFailure: Error, CustomStringConvertible {
  let description: String
  let code: ExitCode

  init(_ description: String, code: ExitCode = .failed) {
    self.description = description
    self.code = code
  }
}

extension ExitCode {

  /// Done, with warnings; or the answer is no.
  static let no = ExitCode(1)
  /// Refused or failed; nothing was changed.
  static let failed = ExitCode(2)
  static let unknown = ExitCode(3)
}

/// Whether `--json` was typed.
let isForData = CommandLine.arguments.dropFirst().prefix { $0 != "--" }.contains("--json")

/// Tells why a command ends: as lines on standard error; with `--json` as an object on standard output.
func tellFailure(_ error: any Error) {
  guard isForData, let text = try? jsonText(["errors": lines(of: error)]) else {
    return report(error)
  }
  print(text)
}

/// An error's own lines on standard error, without a program's name in front of file:line:column.
func report(_ error: any Error) {
  for line in lines(of: error) {
    try? FileHandle.standardError.write(contentsOf: Data("\(line)\n".utf8))
  }
}

private func lines(of error: any Error) -> [String] {
  (error as? ConfigurationErrors)?.lines ?? ["\(error)"]
}
