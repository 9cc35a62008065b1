internal import Configuration
internal import Foundation
internal import Proxy

/// What was changed while running: at most one change per server and key. Pure: time is passed in.
///
/// A change stays, whatever the file becomes, until it is cleared or ends; where the file then says
/// something else than when it was made, that is a conflict, which is told and resolves nothing.
/// Where the file comes to say the same, the change has served and goes.
struct OverrideBook: Codable, Equatable {
  static let limit = 2000

  private(set) var overrides: [ServerOverride] = []
  /// By backend, a tier in use that only somebody, or time, gives back.
  var tiers: [String: Int] = [:]

  subscript(_ id: ServerID, _ key: ServerOverride.Key) -> ServerOverride? {
    overrides.first { $0.id == id && $0.change.key == key }
  }

  /// False when there is no room.
  mutating func set(_ override: ServerOverride) -> Bool {
    _ = remove(override.id, override.change.key)
    guard overrides.count < Self.limit else { return false }
    overrides.append(override)
    overrides.sort { ($0.id, $0.change.key.rawValue) < ($1.id, $1.change.key.rawValue) }
    return true
  }

  /// What was removed.
  mutating func remove(_ id: ServerID, _ key: ServerOverride.Key? = nil) -> [ServerOverride] {
    let gone = overrides.filter { $0.id == id && (key == nil || $0.change.key == key) }
    overrides.removeAll { $0.id == id && (key == nil || $0.change.key == key) }
    return gone
  }

  mutating func removeAll() { overrides = [] }

  /// What somebody changed, for it to be undone without what others changed meanwhile.
  struct Difference: Equatable {
    var set: [ServerOverride] = []
    var removed: [ServerOverride] = []
  }

  func difference(from before: OverrideBook) -> Difference {
    Difference(
      set: overrides.filter { !before.overrides.contains($0) },
      removed: before.overrides.filter { !overrides.contains($0) })
  }

  /// Where somebody else has set the same key since, his stays.
  mutating func undo(_ difference: Difference) {
    overrides.removeAll { difference.set.contains($0) }
    for one in difference.removed where self[one.id, one.change.key] == nil { _ = set(one) }
  }

  /// Those whose time is over; they are gone then.
  mutating func end(at now: Date) -> [ServerOverride] {
    let gone = overrides.filter { $0.until.map { $0 <= now } ?? false }
    if !gone.isEmpty { overrides.removeAll { $0.until.map { $0 <= now } ?? false } }
    return gone
  }

  enum Finding: Equatable {
    case conflict(ServerOverride, file: String)
    /// The file says the same now, so the override is gone.
    case settled(ServerOverride)
  }

  /// Compares with a file that was just read.
  mutating func compare(with file: [ProxyConfiguration.Backend], at now: Date) -> [Finding] {
    var findings: [Finding] = []
    var kept: [ServerOverride] = []
    for var override in overrides {
      let current = Self.configured(override.id, override.change.key, in: file)
      guard current != override.configured else {
        override.conflictSince = nil
        kept.append(override)
        continue
      }
      if override.isSettled(by: current) {
        findings.append(.settled(override))
        continue
      }
      if let current {
        if override.conflictSince == nil {
          override.conflictSince = now
          findings.append(.conflict(override, file: current))
        }
      } else {
        // Of a server that is gone there is nothing to contradict: it is an orphan.
        override.conflictSince = nil
      }
      kept.append(override)
    }
    overrides = kept
    return findings
  }

  /// What a file says of a key, to be compared and shown; nil where it says nothing.
  static func configured(
    _ id: ServerID, _ key: ServerOverride.Key, in file: [ProxyConfiguration.Backend]
  ) -> String? {
    guard
      let server = file.first(where: { $0.name == id.backend })?.servers.first(where: {
        $0.name == id.server
      })
    else { return nil }
    return switch key {
    case .weight: "\(server.weight)"
    // The file has no such setting: nothing in it can contradict.
    case .state: nil
    case .added: AddedServer(server).text
    case .removed: "there"
    }
  }

  /// The file's backends with servers added and removed; weights and states are told apart.
  func applied(to file: ProxyConfiguration) -> ProxyConfiguration {
    var configuration = file
    for override in overrides {
      guard let index = file.backends.firstIndex(where: { $0.name == override.backend })
      else { continue }
      let place = configuration.backends[index].servers.firstIndex { $0.name == override.server }
      switch override.change {
      case .added(let added):
        guard let server = added.server(named: override.server) else { continue }
        if let place {
          configuration.backends[index].servers[place] = server
        } else {
          configuration.backends[index].servers.append(server)
        }
      case .removed:
        // A backend has one server at least.
        guard let place, configuration.backends[index].servers.count > 1 else { continue }
        configuration.backends[index].servers.remove(at: place)
      case .weight, .state: continue
      }
    }
    return configuration
  }
}

extension ServerOverride {
  fileprivate func isSettled(by current: String?) -> Bool {
    switch change {
    case .weight(.absolute), .added: current == change.text
    case .removed: current == nil
    case .weight(.percent(let share)):
      // As `overrides save` writes it.
      configured.flatMap { Int($0) }.map { $0 * share == (current.flatMap { Int($0) } ?? -1) * 100 }
        ?? false
    case .state: false
    }
  }
}

extension AddedServer {
  init(_ server: ProxyConfiguration.Server) {
    self.init(
      address: "\(server.address)", weight: server.weight, tier: server.tier, role: server.role)
  }

  /// Nil when the address is none.
  func server(named name: String) -> ProxyConfiguration.Server? {
    guard let address = ServerAddress.parse(address) else { return nil }
    var server = ProxyConfiguration.Server(name: name, address: address, weight: weight)
    server.tier = tier
    server.role = role
    return server
  }
}
