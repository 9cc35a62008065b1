import ArgumentParser
import Control
import Firewall
import Foundation

struct PolicyConfirm: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "confirm", abstract: "Keep the generation that waits for it.",
    discussion: """
      To be typed over a new connection: that it could be opened is the proof.

      EXAMPLES
        gatehouse policy confirm 43-9f2c
      """)

  @Argument(help: "What the apply printed.")
  var token: String

  @OptionGroup var state: StoreOption
  @OptionGroup var form: DataOption

  func run() throws {
    let generation = try PolicyApplication(state.store).confirm(token)
    try form.tell(["generation": generation]) {
      "confirmed: generation \(generation) stays, also after a restart"
    }
  }
}

struct PolicyRollback: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback", abstract: "Go back to an earlier generation.",
    discussion: """
      Without a number: to the one before; 0: to no firewall at all.

      EXAMPLES
        gatehouse policy history
        gatehouse policy rollback
        gatehouse policy rollback 42
      """)

  @Argument(help: "The generation.")
  var generation: UInt64?

  @OptionGroup var state: StoreOption
  @OptionGroup var form: DataOption

  @Flag(help: "Go back even if somebody would be locked out.")
  var iKnow = false

  func run() throws {
    let application = PolicyApplication(state.store)
    let target = try application.target(of: generation)
    let policy = try application.policy(ifWentBackTo: target)
    try LockOutCheck.pass(policy, state.store, iKnow: iKnow)
    let outcome = try application.goBack(to: target, reason: "by hand")
    let isPanic = try state.store.overrides().panic != nil
    try form.tell(outcome.facts) {
      guard outcome.generation > 0 else {
        return "removed table inet gatehouse: nothing is denied any more"
      }
      var lines = [
        "generation \(outcome.generation) is in force again (kernel generation \(outcome.kernelGeneration))"
      ]
      if isPanic { lines.append(PolicyText.panic) }
      return (lines + outcome.notes).joined(separator: "\n")
    }
  }
}

struct PolicyHistory: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "Which generations there were, and who applied them.")

  @OptionGroup var state: StoreOption

  @Flag(help: "Print data instead of a table.")
  var json = false

  func run() throws {
    let state: PolicyState = try self.state.store.state()
    if json { return print(try jsonText(state.history)) }
    let kept = Set(self.state.store.kept)
    print(
      table(
        ["TIME", "GENERATION", "", "BY", "REASON", ""],
        state.history.map {
          [
            certTime($0.time), "\($0.generation)", $0.what, $0.by, $0.reason ?? "",
            kept.contains($0.generation) ? "" : "not kept any more",
          ]
        }))
  }
}

struct PolicyBoot: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "boot", abstract: "Apply the last confirmed generation, as after a restart.",
    discussion: """
      For the unit that runs before the network is up. A generation that was not
      confirmed before the restart is not in force any more.
      """)

  @OptionGroup var state: StoreOption
  @OptionGroup var form: DataOption

  func run() throws {
    let found: PolicyApplication.Outcome? = try PolicyApplication(state.store).boot()
    try form.tell(found?.facts ?? OutcomeFacts()) {
      guard let outcome = found else { return "nothing to apply: no generation was confirmed" }
      let line =
        "generation \(outcome.generation) is in force (kernel generation \(outcome.kernelGeneration))"
      return ([line] + outcome.notes).joined(separator: "\n")
    }
  }
}

struct PolicyGuardCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "guard", abstract: "Take a generation back unless it is confirmed in time.",
    shouldDisplay: false)

  @Option var generation: UInt64

  /// Somebody waits for word that it has begun.
  @Flag var ready = false

  @OptionGroup var state: StoreOption

  func run() throws {
    print(try PolicyGuard.watch(state.store, generation: generation, isAwaited: ready))
  }
}

/// Whether a command that does something prints a sentence or data.
struct DataOption: ParsableArguments {
  @Flag(help: "Print data instead of a sentence.")
  var json = false

  func tell(_ data: some Encodable, _ sentence: () -> String) throws {
    print(json ? try jsonText(data) : sentence())
  }
}

/// What a change came to, as data.
struct OutcomeFacts: Encodable {
  var generation: UInt64 = 0
  var kernelGeneration: UInt32 = 0
  var closedConnections = 0
  var notes: [String] = []
}

extension PolicyApplication.Outcome {
  var facts: OutcomeFacts {
    OutcomeFacts(
      generation: generation, kernelGeneration: kernelGeneration,
      closedConnections: closedConnections, notes: notes)
  }
}
