import ArgumentParser
internal import Control
internal import Databases
internal import Foundation

/// What every command takes that changes servers.
struct DatabaseStepOptions: ParsableArguments {
  @Flag(help: "Show the steps; nothing is changed.")
  var dryRun = false

  @Flag(help: "Do not ask.")
  var yes = false

  @Option(help: "Seconds that replicas have to catch up.")
  var wait = 30

  func validate() throws {
    guard (1...3600).contains(wait) else { throw ValidationError("--wait takes 1 to 3600 seconds") }
  }
}

/// Shows a plan, asks, does it, and tells what came of it.
struct DatabaseSteps {
  let verb: String
  let servers: DatabaseServers
  let options: DatabaseStepOptions
  let isJSON: Bool

  func carryOut(_ plan: DatabasePlan) throws -> ExitCode {
    switch plan {
    case .refused(let reasons): throw DatabaseFailure(reasons)
    case .nothing(let why):
      var report = Report(verb: verb, backend: servers.backend.name, outcome: "nothing")
      report.reason = why
      try show(report, why)
      return .success
    case .steps(let steps, let notes):
      try check(steps)
      if !isJSON { Self.printAtOnce(text(steps, notes)) }
      guard !options.dryRun else {
        var report = Report(verb: verb, backend: servers.backend.name, outcome: "dry-run")
        report.notes = notes
        report.steps = steps.map { Report.Step($0, result: "") }
        try show(report, "\nnothing was changed")
        return .success
      }
      try ask()
      return try run(steps, notes)
    }
  }

  private func check(_ steps: [DatabaseStep]) throws {
    let needsReplication = steps.contains {
      if case .follow = $0.action { true } else { false }
    }
    guard needsReplication, servers.replication == nil else { return }
    throw DatabaseFailure(
      "replicas need an account to log in with at the primary; write it into the backend: "
        + "mysql: { replication: { user: NAME, password: FILE } }")
  }

  private func ask() throws {
    guard !options.yes else { return }
    guard isatty(STDIN_FILENO) == 1 else {
      throw DatabaseFailure(
        "there is no terminal to ask on; add --yes to do it, or --dry-run to only see the steps")
    }
    FileHandle.standardError.write(Data("\ndo it? [y/N] ".utf8))
    let answer = readLine()?.trimmingCharacters(in: .whitespaces).lowercased()
    guard ["y", "yes"].contains(answer) else { throw DatabaseFailure("nothing was changed") }
  }

  private func run(_ steps: [DatabaseStep], _ notes: [String]) throws -> ExitCode {
    // Every step ends by itself; half of them is the one thing that must not be.
    _ = signal(SIGINT, SIG_IGN)
    _ = signal(SIGHUP, SIG_IGN)
    _ = signal(SIGTERM, SIG_IGN)
    var report = Report(verb: verb, backend: servers.backend.name, outcome: "done")
    report.notes = notes
    let runner = StepRunner(
      at: servers.addresses, over: servers.tls, as: servers.admin, replication: servers.replication
    ) { event in
      report.take(event)
      if !isJSON { Self.printAtOnce(Self.line(event)) }
    }
    let outcome = runner.run(steps)
    return try finish(outcome, &report)
  }

  private func finish(_ outcome: StepRunner.Outcome, _ report: inout Report) throws -> ExitCode {
    let after = DatabaseReport(servers.backend.name, servers.cluster())
    report.after = after
    switch outcome {
    case .done(let left):
      report.warnings = left
      let words = left.isEmpty ? "done" : "done, but:\n  " + left.joined(separator: "\n  ")
      try show(report, "\n\(words)\n\n\(after.text)")
      return left.isEmpty ? .success : .no
    case .undone(let why):
      (report.outcome, report.reason) = ("undone", why)
      try show(report, "\n\(after.text)")
      throw DatabaseFailure("\(verb) failed, and everything is as before: \(why)")
    case .stuck(let why):
      (report.outcome, report.reason) = ("stuck", why)
      try show(report, "\n\(after.text)")
      throw DatabaseFailure("\(verb) failed: \(why)")
    }
  }

  private func show(_ report: Report, _ text: String) throws {
    print(isJSON ? try jsonText(report) : text)
  }

  private func text(_ steps: [DatabaseStep], _ notes: [String]) -> String {
    var lines = ["\(verb) of \(servers.backend.name):"]
    for (index, step) in steps.enumerated() {
      lines.append("\(index + 1). \(step.server) \(step.purpose)")
      lines += step.statements.map { "     \($0)" }
    }
    return (lines + notes.map { "note: \($0)" }).joined(separator: "\n")
  }

  /// Not kept back in a buffer where the output is a pipe: a person watches.
  private static func printAtOnce(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
  }

  private static func line(_ event: StepRunner.Event) -> String {
    switch event {
    case .began(let step): "\(step.server) \(step.purpose) ..."
    case .done(_, let result): result.isEmpty ? "  done" : "  done: \(result)"
    case .failed(_, let why): "  failed: \(why)"
    case .wentBack(let server, let statement, let failure):
      "back: \(statement) on \(server)" + (failure.map { ": failed: \($0)" } ?? "")
    }
  }
}

extension DatabaseSteps {
  /// The same as data.
  struct Report: Encodable {
    struct Step: Encodable {
      let server: String
      let purpose: String
      let statements: [String]
      var result: String
      var failure: String?

      init(_ step: DatabaseStep, result: String) {
        server = step.server
        purpose = step.purpose
        statements = step.statements
        self.result = result
      }
    }

    let verb: String
    let backend: String
    /// `done`, `nothing`, `dry-run`, `undone` or `stuck`.
    var outcome: String
    var reason: String?
    var notes: [String] = []
    var warnings: [String] = []
    var steps: [Step] = []
    var wayBack: [String] = []
    var after: DatabaseReport?

    init(verb: String, backend: String, outcome: String) {
      self.verb = verb
      self.backend = backend
      self.outcome = outcome
    }

    mutating func take(_ event: StepRunner.Event) {
      switch event {
      case .began: break
      case .done(let step, let result): steps.append(Step(step, result: result))
      case .failed(let step, let why):
        var failed = Step(step, result: "")
        failed.failure = why
        steps.append(failed)
      case .wentBack(let server, let statement, let failure):
        wayBack.append("\(server): \(statement)" + (failure.map { ": failed: \($0)" } ?? ""))
      }
    }
  }
}
