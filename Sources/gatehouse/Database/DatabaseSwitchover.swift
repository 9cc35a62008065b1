import ArgumentParser
internal import Databases

/// `gatehouse db switchover`: primary and replica change places.
struct DatabaseSwitchover: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "switchover",
    abstract: "Primary and replica change places; nothing that was acknowledged is lost.",
    discussion: """
      The old primary takes no more writes, the new one catches up, takes the
      writes, and the others follow it. Writes fail meanwhile, for as long as
      catching up takes. Refused where the replica is not healthy or too far
      behind, where another server would take writes, or where the new one has
      transactions of its own. Where a step fails before the new one takes writes,
      everything is put back.

      EXAMPLES
        gatehouse db switchover db --to s2 --dry-run
        gatehouse db switchover db --to s2

      Exit code 0: done. 1: done, but something is left to do. 2: refused or failed.
      """)

  @Option(help: "The server that is to take the writes.")
  var to: String

  @OptionGroup var steps: DatabaseStepOptions
  @OptionGroup var options: DatabaseOptions

  func run() throws {
    try DatabaseFailure.explained {
      let servers = try options.servers()
      return try DatabaseSteps(
        verb: "switchover", servers: servers, options: steps, isJSON: options.json
      ).carryOut(SwitchoverPlan.make(servers.cluster(), to: to, wait: steps.wait))
    }
  }
}

/// `gatehouse db promote`: the primary is dead.
struct DatabasePromote: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "promote",
    abstract: "A replica takes the writes, because the primary is dead.",
    discussion: """
      Refused while any other server takes writes or does not tell, while the
      replica is still connected to its primary, and where another replica has
      more. What the dead primary had not sent yet is lost.

      EXAMPLES
        gatehouse db promote db --server s2

      Exit code 0: done. 1: done, but something is left to do. 2: refused or failed.
      """)

  @Option(help: "The server that is to take the writes.")
  var server: String

  @Flag(help: "Though the primary may only be frozen, or another replica has more.")
  var force = false

  @OptionGroup var steps: DatabaseStepOptions
  @OptionGroup var options: DatabaseOptions

  func run() throws {
    try DatabaseFailure.explained {
      let servers = try options.servers()
      return try DatabaseSteps(
        verb: "promote", servers: servers, options: steps, isJSON: options.json
      ).carryOut(
        PromotionPlan.make(servers.cluster(), server, wait: steps.wait, isForced: force))
    }
  }
}

/// `gatehouse db rejoin`: a server that was away is a replica again.
struct DatabaseRejoin: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rejoin",
    abstract: "A server that was away, such as an old primary, becomes a replica.",
    discussion: """
      Refused where it has transactions that the primary lacks: what they are and
      what to do is said. Of two servers that take writes, the one named here gives
      way to the other.

      EXAMPLES
        gatehouse db rejoin db --server s1

      Exit code 0: it replicates. 1: something is left to do. 2: refused or failed.
      """)

  @Option(help: "The server that is to be a replica.")
  var server: String

  @OptionGroup var steps: DatabaseStepOptions
  @OptionGroup var options: DatabaseOptions

  func run() throws {
    try DatabaseFailure.explained {
      let servers = try options.servers()
      return try DatabaseSteps(
        verb: "rejoin", servers: servers, options: steps, isJSON: options.json
      ).carryOut(RejoinPlan.make(servers.cluster(), server))
    }
  }
}
