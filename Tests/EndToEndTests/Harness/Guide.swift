import Foundation

/// A page with files to write (```yaml, their path in a comment on top) and terminals to type in
/// (```console, a command after each `$ `).
struct Guide {
  let page: URL
  private let lines: [String]
  /// The path on top stays in the file: what is copied from the page has it, too, and counts it as a line.
  private let keepsPaths: Bool

  init(_ path: String, keepsPaths: Bool = false) throws {
    self.keepsPaths = keepsPaths
    page = Place.root.appendingPathComponent(path)
    lines = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "\n")
  }

  var commandCount: Int { lines.count { $0.hasPrefix("$ ") } }

  /// The page, with what its commands print now.
  ///
  /// `type` gets each command, with this folder for /etc/gatehouse, and the number of its terminal.
  func play(
    in folder: TemporaryFolder, type: (_ command: String, _ terminal: Int) throws -> String
  ) throws -> String {
    var result: [String] = []
    var token = ""
    var terminal = 0
    var index = 0
    while index < lines.count {
      let line = lines[index]
      result.append(line)
      index += 1
      guard line == "```yaml" || line == "```console" else { continue }
      var block: [String] = []
      while index < lines.count, lines[index] != "```" {
        block.append(lines[index])
        index += 1
      }
      if line == "```yaml" {
        result += block
        try write(block, folder)
        continue
      }
      terminal += 1
      for typed in block where typed.hasPrefix("$ ") {
        let command = typed.dropFirst(2).replacing("TOKEN", with: token)
        let shown = command.replacing(#/confirm \S+/#, with: "confirm \(token)")
        result.append("$ " + shown)
        let place = folder.url.path
        let output = try type(String(shown).replacing("/etc/gatehouse", with: place), terminal)
          .replacing(place, with: "/etc/gatehouse")
        if let found = output.firstMatch(of: #/policy confirm (\S+)/#) {
          token = String(found.output.1)
        }
        result += output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
          .dropLast()
      }
    }
    return result.joined(separator: "\n")
  }

  private func write(_ block: [String], _ folder: TemporaryFolder) throws {
    guard let path = block.first, path.hasPrefix("# /etc/gatehouse/") else { return }
    _ = try folder.write(
      String(path.dropFirst("# /etc/gatehouse/".count)),
      block.dropFirst(keepsPaths ? 0 : 1).joined(separator: "\n") + "\n")
  }

  /// Without what is another at each run.
  static func steady(_ page: String) -> String {
    page.replacing(#/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/#, with: "DATE")
      .replacing(#/\d\d:\d\d:\d\d/#, with: "TIME")
      .replacing(#/\d+\.\d ms/#, with: "N ms")
      .replacing(#/\d-[0-9a-f]{4}\b/#, with: "TOKEN")
      .replacing(#/2h|1h 59m/#, with: "2h")
      .replacing(#/process \d+/#, with: "process N")
      .replacing(#/\d{4}-\d\d-\d\d/#, with: "DAY")
      .replacing(#/[0-9a-f]{16,}/#, with: "HEX")
      .replacing(#/(authority|Root CA|Intermediate CA) [0-9a-f]+/#) { "\($0.output.1) N" }
      .replacing(#/\d+\.\d+ s\b|\b\d+ s ago|up \d+ s/#, with: "N s")
      .replacing(#/pid \d+/#, with: "pid N")
      .replacing(#/(?m)^\S+: to be renewed .*\n/#, with: "")
      // Not where both were made within one second.
      .replacing(#/(?m)^warning: not-older: .*\n/#, with: "")
      .replacing(#/\d+/\d+ workers|\b\d+ workers/#, with: "N workers")
      .replacing(#/(?m)^(clients|TLS|HTTP|servers|web/s1) .*$/#) { "\($0.output.1) N" }
      .replacing(#/password .*/#, with: "password")
      .replacing(#/since \d\d:\d\d/#, with: "since TIME")
      .replacing(#/127\.0\.0\.1:[345]\d{4}\b/#, with: "127.0.0.1:PORT")
      .replacing(#/@\[\d+(\.\d+)?\]/#, with: "@[TIME]")
      .replacing(#/  +/#, with: "  ")
  }
}
