import ArgumentParser
import Control
import Firewall
import Foundation

struct PolicyLint: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lint", abstract: "What could be simpler, or will soon be wrong.",
    discussion: """
      Beside the warnings of `check`: groups that nothing uses, entries that
      another one covers, entries that end and do not say whose they are or why,
      and ends within the next 30 days.

      Exit code 0: nothing found; 1: something.
      """)

  @OptionGroup var options: PolicyOptions

  func run() throws {
    let loaded = try options.load()
    let findings = loaded.warnings + Lint(loaded.compiled).findings
    if options.json {
      print(try jsonText(findings))
    } else {
      for line in findings { print(line) }
      print(
        "\(options.file): \(findings.isEmpty ? "nothing found" : "\(findings.count) finding(s)")")
    }
    if !findings.isEmpty { throw ExitCode.no }
  }
}

/// What a reader of the policy would ask about.
private struct Lint {
  private static let soonSeconds: Int64 = 30 * 86_400

  let policy: FirewallPolicy
  let time: Int64

  init(_ compiled: CompiledPolicy) {
    policy = compiled.policy
    time = compiled.time
  }

  var findings: [String] { unused + covered + undocumented + ending }

  private var unused: [String] {
    var used: Set<String> = []
    let lists =
      [policy.deny, policy.bans.never, policy.management?.from ?? []]
      + policy.services.map { $0.allow + $0.deny + $0.trustedProxies + $0.http.flatMap(\.allow) }
      + policy.groups.map { $0.include + $0.except }
    for reference in lists.joined() {
      if case .group(let name) = reference.target { used.insert(name) }
    }
    return policy.groups.filter { !used.contains($0.name) }.map {
      "\($0.place): group \"\($0.name)\" is used nowhere"
    }
  }

  private var covered: [String] {
    policy.groups.flatMap { group in
      group.entries.enumerated().compactMap { index, entry -> String? in
        let own = AddressSet(entry.network)
        let wider = group.entries.enumerated().first {
          $0.offset != index && $0.element.until == entry.until
            && own.subtracting(AddressSet($0.element.network)).isEmpty
            && ($0.element.network != entry.network || $0.offset < index)
        }
        return wider.map {
          "\(entry.place): \(entry.network) is covered by \($0.element.network) at \($0.element.place)"
        }
      }
    }
  }

  private var undocumented: [String] {
    policy.groups.flatMap(\.entries).filter {
      $0.until != nil && ($0.owner == nil || $0.reason == nil)
    }
    .map { "\($0.place): \($0.network) ends, but says neither owner nor reason" }
  }

  private var ending: [String] {
    policy.groups.flatMap(\.entries).compactMap { entry in
      guard let until = entry.until, until > time, until - time < Self.soonSeconds else {
        return nil
      }
      return "\(entry.place): \(entry.network) ends at \(Moment.text(until))"
    }
  }
}
