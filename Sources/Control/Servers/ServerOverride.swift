public import Foundation
public import Proxy

/// One thing that was changed while running, kept apart from the file.
public struct ServerOverride: Codable, Sendable, Equatable {
  public enum Key: String, Codable, Sendable, CaseIterable { case weight, state, added, removed }

  public var backend: String
  public var server: String
  public var change: ServerOverrideChange
  /// What the file said when this was set, in the words of `configured`; nil where it said nothing.
  public var configured: String?
  public var by: String
  public var since: Date
  public var reason: String
  /// Until cleared when nil.
  public var until: Date?
  /// Since when the file says something else than it did.
  public var conflictSince: Date?

  public var id: ServerID { ServerID(backend: backend, server: server) }

  var added: AddedServer? { if case .added(let server) = change { server } else { nil } }

  /// As commands name it: `web/s1.weight`.
  public var name: String { "\(id).\(change.key.rawValue)" }
}

/// What an override changes.
public enum ServerOverrideChange: Sendable, Equatable {
  case weight(WeightChange)
  case state(ServerStanding.State)
  case added(AddedServer)
  case removed

  public var key: ServerOverride.Key {
    switch self {
    case .weight: .weight
    case .state: .state
    case .added: .added
    case .removed: .removed
    }
  }

  public var text: String {
    switch self {
    case .weight(let weight): weight.text
    case .state(let state): state.rawValue
    case .added(let server): server.text
    case .removed: "removed"
    }
  }
}

extension ServerOverrideChange: Codable {
  private enum Keys: String, CodingKey { case weight, state, added, removed }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Keys.self)
    if let text = try values.decodeIfPresent(String.self, forKey: .weight) {
      guard let weight = WeightChange(text) else {
        throw DecodingError.dataCorruptedError(
          forKey: .weight, in: values, debugDescription: "no weight")
      }
      self = .weight(weight)
    } else if let state = try values.decodeIfPresent(ServerStanding.State.self, forKey: .state) {
      self = .state(state)
    } else if let server = try values.decodeIfPresent(AddedServer.self, forKey: .added) {
      self = .added(server)
    } else {
      _ = try values.decode(Bool.self, forKey: .removed)
      self = .removed
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Keys.self)
    switch self {
    case .weight(let weight): try values.encode(weight.text, forKey: .weight)
    case .state(let state): try values.encode(state, forKey: .state)
    case .added(let server): try values.encode(server, forKey: .added)
    case .removed: try values.encode(true, forKey: .removed)
    }
  }
}

/// A weight as it is typed: `20`, or `50%` of the file's.
public enum WeightChange: Sendable, Equatable {
  case absolute(Int)
  case percent(Int)

  public static let allowed = "0 to 256, or 0% to 1000%"

  public init?(_ text: String) {
    let isPercent = text.hasSuffix("%")
    let digits = isPercent ? text.dropLast() : text[...]
    guard (1...4).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }),
      let number = Int(digits), (0...(isPercent ? 1000 : 256)).contains(number)
    else { return nil }
    self = isPercent ? .percent(number) : .absolute(number)
  }

  public var text: String {
    switch self {
    case .absolute(let weight): "\(weight)"
    case .percent(let share): "\(share)%"
    }
  }

  /// In hundredths of the file's unit.
  func hundredths(configured: Int) -> Int {
    switch self {
    case .absolute(let weight): weight * 100
    case .percent(let share): min(configured * share, ServerOverride.longestWeight)
    }
  }
}

extension ServerOverride {
  /// 256 in hundredths.
  static let longestWeight = 25_600
}

/// A server that the file does not have.
public struct AddedServer: Codable, Sendable, Equatable {
  public var address: String
  public var weight: Int
  public var tier: Int
  public var role: ServerRole?

  public init(address: String, weight: Int = 1, tier: Int = 0, role: ServerRole? = nil) {
    self.address = address
    self.weight = weight
    self.tier = tier
    self.role = role
  }

  var text: String {
    address + (weight == 1 ? "" : " weight \(weight)") + (tier == 0 ? "" : " tier \(tier)")
      + (role.map { " \($0.rawValue)" } ?? "")
  }
}
