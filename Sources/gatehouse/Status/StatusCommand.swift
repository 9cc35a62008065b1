import ArgumentParser
import Configuration
import Control
import Foundation

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "How all of it does, in one glance: the verdict first.",
    discussion: """
      The first line is the verdict: OK, DEGRADED (something is wrong, and clients
      are served) or DOWN (something cannot be served), since when, and why; below
      it stands what to type next. Then the process, backends and servers,
      databases, certificates, the firewall, and what happened last.

      EXAMPLES
        gatehouse status
        gatehouse status -c examples/quickstart.yaml
        gatehouse status --json | jq .verdict
        gatehouse top                      the same, live

      Exit code 0: all is well. 1: degraded. 2: down, or nobody answered.
      """)

  @OptionGroup var options: SocketOptions

  func run() throws {
    let (status, events) = try options.ask { (try $0.status(), try? $0.events(last: 20)) }
    if options.json {
      print(try jsonText(status))
    } else {
      print(StatusText(status, events ?? [], FirewallGlance(), Paint.standard).text)
    }
    switch status.verdict?.severity {
    case .ok: return
    case .degraded, nil: throw ExitCode.no
    case .down: throw ExitCode.failed
    }
  }
}

struct ApplyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply", abstract: "Make the running process apply its file as it is now.",
    discussion: """
      The same as SIGHUP, and it tells the outcome: on any error nothing changes,
      and every error is printed with its place in the file. Settings that hold
      after a restart only (workers, state, admin.socket, admin.group,
      admin.haproxy_socket) are named where they differ.

      EXAMPLES
        gatehouse check -c gatehouse.yaml && gatehouse apply -c gatehouse.yaml

      Exit code 0: applied. 1: applied, and something of it needs a restart.
      2: refused, or nobody answered.
      """)

  @OptionGroup var options: SocketOptions

  func run() throws {
    if let config = options.config {
      let running = try options.ask { try $0.status() }.configurationPath
      guard CertificateRefresh.absolute(config) == running else {
        throw CommandFailure(
          "the process that answers runs \(running), not \(config): nothing was applied")
      }
    }
    let status = try options.ask { try $0.apply() }
    if options.json {
      print(try jsonText(status))
    } else {
      print("applied \(status.configuration): generation \(status.generation)")
      for line in status.restartNeeded { print("warning: \(AuditText.visible(line))") }
    }
    if !status.restartNeeded.isEmpty { throw ExitCode.no }
  }
}

extension SocketOptions {
  /// Asks the running process.
  func ask<Answer>(_ question: (AdminClient) throws -> Answer) throws -> Answer {
    do {
      return try question(AdminClient(socket: try path()))
    } catch let errors as ConfigurationErrors {
      // What is asked does not hang on the file.
      throw ConfigurationErrors(
        lines: errors.lines + [
          "the file names no socket as it is; name the running process's: --socket "
            + LoadedConfiguration.defaultAdminSocket
        ])
    }
  }

  func path() throws -> String {
    if let socket { return socket }
    guard let config else { return LoadedConfiguration.defaultAdminSocket }
    return try ConfigurationFile.adminSocket(config) ?? LoadedConfiguration.defaultAdminSocket
  }
}
