import Control

/// What a word means, as a person reads it.
enum WordText {
  static func text(of word: WordExplanation) -> String {
    let meanings = word.meanings.map { meaning(of: $0) }
    return (["\(word.subject): \(word.summary)"] + meanings).joined(separator: "\n\n")
  }

  static func meaning(of one: WordExplanation.Meaning) -> String {
    let name = [one.state, one.name].compactMap(\.self).joined(separator: "  ")
    let lines = ["\(name.isEmpty ? "" : "\(name)  ")\(one.reason)"]
    return
      (lines + one.causes.map { "  usual cause: \($0)" } + one.steps.map { "  next:        \($0)" })
      .joined(separator: "\n")
  }
}

/// A request of the log, as a person reads it.
enum RequestText {
  /// Of the longest phase.
  private static let barWidth = 40

  static func text(
    of request: LoggedRequest, _ id: String, now: Explanation?, trouble: String?
  ) -> String {
    var lines = ["REQUEST \(id)", facts(request)]
    if !request.phases.isEmpty { lines += ["", times(request)] }
    lines.append("")
    lines.append(
      request.meaning.map { "ENDED  \(WordText.meaning(of: $0))" }
        ?? "ENDED  \(request.term ?? "-")  \(request.termReason ?? "the log does not tell how")")
    if let now { lines += ["", "IF IT CAME NOW", ExplanationText.text(of: now)] }
    if let trouble { lines += ["", "note: what would become of it now can't be told: \(trouble)"] }
    return lines.joined(separator: "\n")
  }

  private static func facts(_ request: LoggedRequest) -> String {
    let client = [request.clientIP, request.clientPort.map { "\($0)" }].compactMap(\.self)
    let place = [request.backend, request.server].compactMap(\.self).joined(separator: "/")
    let url = request.url(port: nil) ?? "-"
    var rows = [
      ["at", request.time ?? "-"],
      ["request", "\(request.method ?? "-") \(url) \(request.proto ?? "")"],
      ["from", client.joined(separator: " port ")],
      ["listener", request.listener ?? "-"], ["route", request.route ?? "-"],
      ["server", place.isEmpty ? "-" : place],
      ["answer", request.status.map { "\($0)" } ?? "none"],
      ["bytes", "\(request.bytesIn ?? 0) in, \(request.bytesOut ?? 0) out"],
    ]
    if let retries = request.retries, retries > 0 { rows.append(["retries", "\(retries)"]) }
    if let verdict = request.policyVerdict {
      rows.append([
        "policy", [verdict, request.policyRule].compactMap(\.self).joined(separator: " "),
      ])
    }
    return table([], rows.map { ["  \($0[0])", $0[1].trimmingSpaces] })
  }

  /// A bar for each phase, beginning where the one before ends.
  static func times(_ request: LoggedRequest) -> String {
    let sum = request.phases.reduce(0) { $0 + $1.milliseconds }
    var passed = 0.0
    let rows = request.phases.map { phase -> [String] in
      let start = column(passed, of: sum)
      passed += phase.milliseconds
      let end = column(passed, of: sum)
      // What took any time at all is seen.
      let width = max(end - start, phase.milliseconds > 0 ? 1 : 0)
      let bar = String(repeating: " ", count: start) + String(repeating: "#", count: width)
      return ["  \(phase.name)", "\(number(phase.milliseconds)) ms", bar]
    }
    let total = request.totalMilliseconds.map { [["  total", "\(number($0)) ms"]] } ?? []
    return table([], rows + total)
  }

  private static func column(_ milliseconds: Double, of sum: Double) -> Int {
    guard sum > 0, milliseconds.isFinite else { return 0 }
    let share = max(0, min(1, milliseconds / sum))
    return Int(share * Double(barWidth))
  }

  private static func number(_ milliseconds: Double) -> String {
    guard milliseconds == milliseconds.rounded(), milliseconds < 1e15 else {
      return "\((milliseconds * 1000).rounded() / 1000)"
    }
    return "\(Int(milliseconds))"
  }
}

extension String {
  fileprivate var trimmingSpaces: String {
    String(self[..<(lastIndex { $0 != " " }.map { index(after: $0) } ?? startIndex)])
  }
}
