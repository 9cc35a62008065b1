import ArgumentParser
import Configuration
import Control
import Foundation

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "What the running process does.",
    discussion: """
      The first line is the verdict: OK, or DEGRADED and why.

      EXAMPLES
        gatehouse status
        gatehouse status -c examples/quickstart.yaml
        gatehouse status --json | jq .traffic.requests

      Exit code 0: all is well. 1: something is not. 2: nobody answered.
      """)

  @OptionGroup var options: SocketOptions

  func run() throws {
    let status = try options.ask { try $0.status() }
    if options.json {
      print(try jsonText(status))
    } else {
      print(StatusText.text(of: status))
    }
    if !StatusText.isWell(status) { throw ExitCode.no }
  }
}

struct ApplyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply", abstract: "Make the running process apply its file as it is now.",
    discussion: """
      The same as SIGHUP, and it tells the outcome: on any error nothing changes,
      and every error is printed with its place in the file.

      EXAMPLES
        gatehouse check -c gatehouse.yaml && gatehouse apply -c gatehouse.yaml
      """)

  @OptionGroup var options: SocketOptions

  func run() throws {
    if let config = options.config {
      let running = try options.ask { try $0.status() }.configurationPath
      guard CertificateRefresh.absolute(config) == running else {
        report(
          ConfigurationErrors(lines: [
            "the process that answers runs \(running), not \(config): nothing was applied"
          ]))
        throw ExitCode.failed
      }
    }
    let status = try options.ask { try $0.apply() }
    if options.json {
      print(try jsonText(status))
    } else {
      print("applied \(status.configuration): generation \(status.generation)")
    }
  }
}

extension SocketOptions {
  /// Asks the running process; prints what went wrong and ends with 2 otherwise.
  func ask<Answer>(_ question: (AdminClient) throws -> Answer) throws -> Answer {
    do {
      return try question(AdminClient(socket: try path()))
    } catch let error as ExitCode {
      throw error
    } catch {
      report(error)
      throw ExitCode.failed
    }
  }

  func path() throws -> String {
    if let socket { return socket }
    guard let config else { return LoadedConfiguration.defaultAdminSocket }
    return try ConfigurationFile.adminSocket(config) ?? LoadedConfiguration.defaultAdminSocket
  }
}

enum StatusText {
  static func isWell(_ status: Status) -> Bool {
    status.lastApplyErrors.isEmpty && status.certificateErrors.isEmpty
      && status.certificates.allSatisfy { $0.state == .ok }
      && !status.renewals.contains(where: CertificateText.isBad)
      && status.overrideErrors.isEmpty && status.databases.allSatisfy { $0.trouble == nil }
      && status.log?.trouble == nil
      && !status.backends.contains { $0.servers.contains(where: \.isTrouble) }
  }

  static func text(of status: Status) -> String {
    let listeners = status.listeners.map { listener in
      [
        listener.name, listener.serves, listener.addresses.joined(separator: " "),
        listener.isPolicyEnforced ? "policy" : "everybody",
      ]
    }
    let traffic = status.traffic
    return """
      \(verdict(status))
      generation \(status.generation) of \(status.configuration), applied \(age(status.appliedAt)) ago; \
      pid \(status.pid), up \(age(status.startedAt)), \(status.workers) workers, version \(status.version)

      \(table(["LISTENER", "SERVES", "ADDRESSES", "ADMITS"], listeners))

      \(ServerText.table(status.backends))\(databases(status.databases))

      \(CertificateText.table(status.certificates))\
      \(CertificateText.renewals(status.renewals))\
      \(names(status.names))clients \(traffic.connections) now, \(traffic.accepted) accepted, \
      \(traffic.refusedByPolicy) refused by policy
      TLS     \(traffic.handshakes) handshakes, \(traffic.handshakesResumed) of them resumed; \
      \(traffic.handshakeFailures) failed
      HTTP    \(traffic.requests) requests, \(traffic.requestsRefused) refused; \(codes(traffic))
      servers \(traffic.retries) retries, \(traffic.connectFailures) connects failed, \
      \(traffic.aborts) exchanges cut short\(log(status.log))
      """
  }

  /// No reason to be degraded: servers go on at the addresses that were known.
  private static func names(_ all: [Status.Name]) -> String {
    all.compactMap { one in
      one.failure.map {
        "note: cannot resolve \(one.name): \($0); it stays at "
          + one.addresses.joined(separator: ", ") + "\n"
      }
    }.joined()
  }

  private static func verdict(_ status: Status) -> String {
    let down = status.backends.flatMap { $0.servers.filter(\.isTrouble) }
    if let error = status.lastApplyErrors.first {
      return "DEGRADED: the file was not applied: \(error)"
    }
    if let trouble = status.databases.compactMap(\.trouble).first { return "DEGRADED: \(trouble)" }
    if let first = down.first {
      let others = down.count > 1 ? ", and \(down.count - 1) more" : ""
      return "DEGRADED: \(ServerText.trouble(first))\(others)"
    }
    if let error = status.overrideErrors.first { return "DEGRADED: \(error)" }
    if let error = status.certificateErrors.first { return "DEGRADED: \(error)" }
    if let trouble = status.log?.trouble { return "DEGRADED: \(trouble)" }
    return CertificateText.verdict(status.certificates)
      ?? CertificateText.verdict(status.renewals) ?? "OK"
  }

  private static func databases(_ all: [Status.Database]) -> String {
    guard !all.isEmpty else { return "" }
    let rows = all.flatMap { one in
      one.members.map { ["\(one.backend)/\($0.name)", $0.role, $0.why] }
    }
    return "\n\n\(table(["DATABASE", "ROLE", "WHY"], rows))"
  }

  private static func log(_ log: Status.Log?) -> String {
    guard let log else { return "" }
    return "\nlog     \(log.written) lines written to \(log.target), \(log.dropped) lost"
  }

  private static func codes(_ traffic: Status.Traffic) -> String {
    traffic.responses.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
      .joined(separator: ", ")
  }

  static func age(_ date: Date) -> String {
    let seconds = max(0, Int(-date.timeIntervalSinceNow))
    switch seconds {
    case ..<120: return "\(seconds) s"
    case ..<7200: return "\(seconds / 60) min"
    case ..<172_800: return "\(seconds / 3600) h"
    default: return "\(seconds / 86_400) d"
    }
  }
}
