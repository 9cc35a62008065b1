import ArgumentParser

/// `gatehouse db`: a MySQL or MariaDB primary and its replicas.
struct DatabaseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "db",
    abstract: "A MariaDB primary and its replicas: who is what, and change places.",
    discussion: """
      A backend with `mysql` is a primary and its replicas. Which server is the
      primary is asked of the servers (read_only, replication, lag), never written
      down. These commands change that, one guarded step after the other; each is
      shown before it is done, and --dry-run only shows them.

      EXAMPLES
        gatehouse db status db                      who is what, and why
        gatehouse db lint db                        settings that lose data
        gatehouse db switchover db --to s2          change places, nothing is lost
        gatehouse db promote db --server s2         the primary is dead
        gatehouse db rejoin db --server s1          it is back: as a replica

      Exit code 0: good. 1: there is a warning, or no one writer. 2: refused or failed.
      """,
    subcommands: [
      DatabaseStatus.self, DatabaseLinting.self, DatabaseSwitchover.self, DatabasePromote.self,
      DatabaseRejoin.self,
    ])
}
