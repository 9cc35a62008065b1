import ArgumentParser
import Control
import Foundation

struct EventsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events", abstract: "What happened: servers, applies, certificates, bans.",
    discussion: """
      The last events of the running process, oldest first; where it has a state
      folder, those of the process before it, too. Who changed what, with what was
      refused, is in `gatehouse audit`.

      EXAMPLES
        gatehouse events
        gatehouse events --kind server --kind certificate --last 100
        gatehouse events --since 10m
        gatehouse events --follow
        gatehouse events --json | jq '.[] | select(.severity == "error")'

      Exit code 0: shown. 2: nobody answered.
      """)

  @Option(help: "How many, at most 1000; 20 when left out, with --since all of them.")
  var last: Int?

  @Option(help: .init("Only those of so long: 30s, 10m, 2h, 7d.", valueName: "span"))
  var since: String?

  @Option(
    help: .init(
      "Only these: \(Event.Kind.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "kind"))
  var kind: [Event.Kind] = []

  @Flag(help: "Go on with what happens; with --json, an object a line.")
  var follow = false

  @OptionGroup var options: SocketOptions

  func validate() throws {
    guard (1...1000).contains(last ?? 1) else {
      throw ValidationError("--last must be within 1...1000")
    }
    guard try seconds != 0 else { throw ValidationError("--since 0 shows nothing") }
  }

  /// Nil without `--since`.
  private var seconds: Int? {
    get throws {
      guard let since else { return nil }
      let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
      guard let unit = since.last.flatMap({ units[$0] }), let number = Int(since.dropLast()),
        (0...3660).contains(number / max(1, 86_400 / unit)), number >= 0
      else {
        throw ValidationError(
          "--since \"\(AuditText.visible(since))\" is no span; allowed: 1s to 3660d, such as 10m")
      }
      return number * unit
    }
  }

  func run() throws {
    let all = try options.ask { try $0.events(last: 1000) }
    let start = try seconds.map { Date(timeIntervalSinceNow: -Double($0)) }
    let recent = all.filter { event in start.map { event.at >= $0 } ?? true }
    let shown = Array(wanted(recent).suffix(last ?? (start == nil ? 20 : 1000)))
    guard follow else {
      return print(options.json ? try jsonText(shown) : EventText.table(shown, Paint.standard))
    }
    try show(shown)
    var seen = all.last?.id ?? 0
    while true {
      sleep(1)
      let more = try options.ask { try $0.events(last: 1000, after: seen) }
      seen = more.last?.id ?? seen
      try show(wanted(more))
    }
  }

  private func wanted(_ events: [Event]) -> [Event] {
    kind.isEmpty ? events : events.filter { kind.contains($0.kind) }
  }

  /// At once, and not when a buffer is full.
  private func show(_ events: [Event]) throws {
    for event in events {
      let line =
        options.json ? try jsonLine(event) : EventText.line(event, Paint.standard)
      try FileHandle.standardOutput.write(contentsOf: Data("\(line)\n".utf8))
    }
  }

  private func jsonLine(_ event: Event) throws -> String {
    // Line breaks within strings are written as `\n`: those that are left are layout.
    try jsonText(event).split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
      .joined(separator: " ")
  }
}

/// Events as a person reads them.
enum EventText {
  static func table(_ events: [Event], _ paint: Paint) -> String {
    events.isEmpty ? "no events" : events.map { line($0, paint) }.joined(separator: "\n")
  }

  /// `2026-11-27T08:00:00Z  warning  server       server web/s1 is down: …`; an event that somebody
  /// caused says so in its text.
  static func line(_ event: Event, _ paint: Paint, width: Int? = nil) -> String {
    let kind = event.kind.rawValue.padding(toLength: 11, withPad: " ", startingAt: 0)
    let word = event.severity.rawValue.padding(toLength: 7, withPad: " ", startingAt: 0)
    // Where there is little room, the year and the zone go first.
    let time = certTime(event.at)
    let head =
      width == nil ? "\(time)  " : "\(time.dropFirst(5).dropLast().replacing("T", with: " "))  "
    var text = AuditText.visible(event.text)
    if let by = event.by, !text.contains(by) { text += " (by \(AuditText.visible(by)))" }
    let used = head.count + word.count + kind.count + 4
    if let width { text = text.cut(to: max(8, width - used)) }
    return "\(head)\(paint(word, colour(event.severity)))  \(kind)  \(text)"
  }

  static func colour(_ severity: Event.Severity) -> Paint.Colour {
    switch severity {
    case .info: .plain
    case .warning: .yellow
    case .error: .red
    }
  }
}
