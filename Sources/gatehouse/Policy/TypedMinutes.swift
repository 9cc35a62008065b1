import Configuration
import Control
import Firewall
import Foundation

/// Minutes as they are typed, by the clock on the wall of the policy's time zone.
struct TypedMinutes {
  let zone: TimeZone
  /// Whose time zone it is, for a message.
  let whose: String
  private let formatter = DateFormatter()

  /// `file`: where the policy was read from; nil for a generation that is kept.
  init(of policy: FirewallPolicy, file: String?) {
    let zones = Set(policy.services.compactMap { $0.schedule?.hours?.zone })
    if let file {
      zone = PolicyFile.zone(of: file)
      whose = "the policy's timezone"
    } else if zones.count == 1, let kept = zones.first.flatMap({ TimeZone(identifier: $0) }) {
      zone = kept
      whose = "the policy's timezone"
    } else {
      // A generation keeps the zone with the hours of its services, and nowhere else.
      zone = .current
      whose = "the machine's time zone: the generation in force has no hours"
    }
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = zone
    formatter.dateFormat = "yyyy-MM-dd HH:mm"
  }

  /// For the help of an option.
  static let help = """
    When, such as "2026-12-24 22:00", in the policy's timezone (a generation in force without hours: \
    the machine's); now when left out.
    """

  /// Unix time in seconds; nil for what is no minute.
  func time(_ text: String) -> Int64? {
    formatter.date(from: text.replacing("T", with: " ")).map { Int64($0.timeIntervalSince1970) }
  }

  /// What is allowed, and what it means.
  var allowed: String { "\"2026-12-24 22:00\", in \(zone.identifier) (\(whose))" }

  /// The policy at another time.
  func moved(_ loaded: LoadedPolicy, to text: String?) throws -> LoadedPolicy {
    guard let text else { return loaded }
    guard let time = time(text) else {
      throw CommandFailure("--at \"\(text)\" is no minute; allowed: \(allowed)")
    }
    return LoadedPolicy(
      compiled: CompiledPolicy(loaded.policy.scheduled(from: time), at: time),
      warnings: loaded.warnings)
  }
}
