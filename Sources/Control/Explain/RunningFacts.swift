internal import Configuration
internal import Foundation
public import Proxy

/// What the running process knows and a file does not: how its servers stand, and whom it bans.
public struct RunningFacts: Sendable {
  public let status: Status
  /// Whom of those asked about the proxy itself bans, and until when in Unix time.
  public let bans: [IPAddress: Int64]

  public init(status: Status, bans: [IPAddress: Int64] = [:]) {
    self.status = status
    self.bans = bans
  }

  func endOfBan(of client: IPAddress) -> Int64? { bans[client.banned] }

  /// The file's configuration with servers that were added and without those removed, and with the
  /// ports that the kernel chose.
  func applied(to file: ProxyConfiguration) -> ProxyConfiguration {
    var configuration = file
    for index in configuration.backends.indices {
      let backend = configuration.backends[index]
      guard let known = status.backends.first(where: { $0.name == backend.name }) else { continue }
      configuration.backends[index].servers = known.servers.compactMap { server in
        if let own = backend.servers.first(where: { $0.name == server.name }) { return own }
        guard let address = ServerAddress.parse(server.address) else { return nil }
        var added = ProxyConfiguration.Server(
          name: server.name, address: address, weight: server.configuredWeight)
        added.tier = server.tier
        return added
      }
    }
    return configuration
  }

  public var standings: [ServerID: ServerStanding] {
    var standings: [ServerID: ServerStanding] = [:]
    for backend in status.backends {
      for server in backend.servers {
        standings[server.id] = ServerStanding(
          weight: Int(max(0, min(server.effectiveWeight, 256)) * 100),
          state: ServerStanding.State(rawValue: server.wanted) ?? .ready,
          isHealthy: server.health != "down", isInUse: server.tier == backend.tier,
          role: server.role.flatMap { ServerRole(rawValue: $0) })
      }
    }
    return standings
  }

  var setAside: Set<ServerID> {
    Set(status.backends.flatMap(\.servers).filter { $0.state == "set aside" }.map(\.id))
  }

  func server(_ id: ServerID) -> Status.Server? {
    status.backends.first { $0.name == id.backend }?.servers.first { $0.name == id.server }
  }
}

extension Status.Server {
  fileprivate var id: ServerID { ServerID(backend: backend, server: name) }
}

extension AdminClient {
  /// What a `why` about these clients needs of the process.
  public func facts(about clients: [IPAddress]) throws -> RunningFacts {
    var bans: [IPAddress: Int64] = [:]
    for client in clients { bans[client.banned] = try endOfBan(of: client) }
    return RunningFacts(status: try status(), bans: bans)
  }

  private func endOfBan(of client: IPAddress) throws -> Int64? {
    try readJSON(BanAnswer.self, request("GET", "/v1/bans/\(client)")).until
  }
}

/// The body of `GET /v1/bans/ADDRESS`.
struct BanAnswer: Codable {
  /// Unix time; nil for who is not banned by the proxy itself.
  let until: Int64?
}
