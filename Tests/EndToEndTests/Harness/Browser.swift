import Foundation
import Glibc

/// A headless Chromium with one page, driven as by a mouse and a keyboard.
final class Browser {
  struct Failure: Error { let text: String }

  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private var read = Data()

  init(width: Int = 1280, height: Int = 900) throws {
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      // The system's own, which has the package python3-websocket.
      "/usr/bin/python3",
      Place.root.appendingPathComponent("Tests/EndToEndTests/Oracle/browser.py").path,
      "chromium-headless-shell",
    ]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    _ = try answer()
    try size(width, height)
  }

  deinit {
    // The script ends its browser with its input.
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
  }

  func open(_ url: String) throws { try tell("open", ["url": url]) }

  /// What an expression of the page's language is worth.
  @discardableResult
  func worth(_ code: String) throws -> Any? { try tell("eval", ["code": code]) }

  func text(_ code: String) throws -> String { try worth(code) as? String ?? "" }

  func holds(_ code: String) throws -> Bool { try worth(code) as? Bool ?? false }

  /// Whether it comes to hold in time.
  func waits(_ code: String, seconds: Double = 10) throws -> Bool {
    try moment(code, seconds: seconds) != nil
  }

  /// When it was first seen to hold, in seconds since 1970.
  func moment(_ code: String, seconds: Double = 10) throws -> Double? {
    try tell("wait", ["code": code, "seconds": seconds]) as? Double
  }

  func click(_ selector: String) throws { try tell("click", ["selector": selector]) }

  func type(_ text: String) throws { try tell("type", ["text": text]) }

  func press(_ key: String, times: Int = 1, shift: Bool = false) throws {
    try tell("key", ["name": key, "times": times, "shift": shift])
  }

  func size(_ width: Int, _ height: Int, scale: Int = 1) throws {
    try tell("size", ["width": width, "height": height, "scale": scale])
  }

  func media(scheme: String, motion: String = "no-preference") throws {
    try tell("media", ["scheme": scheme, "motion": motion])
  }

  func shot(_ path: String, height: Int? = nil) throws {
    var words: [String: Any] = ["path": path]
    if let height { words["height"] = height }
    try tell("shot", words)
  }

  /// What it complained of, and what it asked a network for, since this was last asked.
  func log() throws -> (console: [String], requests: [String]) {
    let log = try tell("log", [:]) as? [String: Any]
    return (log?["console"] as? [String] ?? ["no log"], log?["requests"] as? [String] ?? [])
  }

  @discardableResult
  private func tell(_ word: String, _ values: [String: Any]) throws -> Any? {
    var line = try JSONSerialization.data(
      withJSONObject: values.merging(["do": word]) { mine, _ in mine })
    line.append(UInt8(ascii: "\n"))
    try input.fileHandleForWriting.write(contentsOf: line)
    return try answer()
  }

  /// The script answers each line in time, or has ended.
  private func answer() throws -> Any? {
    while !read.contains(UInt8(ascii: "\n")) {
      let piece = output.fileHandleForReading.availableData
      if piece.isEmpty { throw Failure(text: "the browser has ended") }
      read += piece
    }
    let end = read.firstIndex(of: UInt8(ascii: "\n")) ?? read.endIndex
    let line = Data(read[..<end])
    read = Data(read[end...].dropFirst())
    let answer = try JSONSerialization.jsonObject(with: line) as? [String: Any]
    if let error = answer?["error"] as? String { throw Failure(text: error) }
    return answer?["value"]
  }
}

/// The dashboard in it.
extension Browser {
  /// Opens the page and logs in by its form.
  func logIn(_ door: Door, _ role: String = "operator", servers: Int = 2) throws {
    try open("\(door.origin)/")
    guard try waits("document.querySelector('#login')?.hidden === false") else {
      throw Failure(text: "no form to log in: \(try log())")
    }
    try type(door.tokens[role] ?? "")
    try press("Enter")
    guard try waits("document.querySelectorAll('[data-server]').length === \(servers)") else {
      throw Failure(text: "no servers: \(try text("document.body.innerText")) \(try log())")
    }
  }

  /// The visible words of the server's row.
  func row(_ server: String) throws -> String {
    try text("document.querySelector('[data-server=\"\(server)\"]').innerText")
  }

  static func has(_ server: String, state: String) -> String {
    "document.querySelector('[data-server=\"\(server)\"]')?.dataset.state === '\(state)'"
  }
}
