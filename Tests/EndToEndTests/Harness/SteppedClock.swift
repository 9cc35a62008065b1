import Foundation
import Testing

/// A clock that a test sets under programs that run: of their wall, not that which nobody sets.
struct SteppedClock {
  private let file: String
  private let library: String

  init(_ folder: TemporaryFolder) throws {
    file = try folder.write("clock", "0\n")
    library = folder.url.appendingPathComponent("stepped-clock.so").path
    let source = Place.root.appendingPathComponent("Tests/EndToEndTests/Oracle/stepped-clock.c")
      .path
    let built = try run("cc", ["-shared", "-fPIC", "-O1", "-o", library, source])
    guard built.status == 0 else { throw Gate.Failure(text: built.standardError) }
  }

  /// What a program's command line begins with for it to look at this clock.
  var prefix: [String] { ["env", "LD_PRELOAD=\(library)", "GATEHOUSE_TEST_CLOCK=\(file)"] }

  /// Seconds ahead of the machine's clock; less than nothing for behind.
  func set(ahead seconds: Int) throws {
    // In place of the old file, so that nobody reads half a number.
    try Data("\(seconds)\n".utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
  }
}
