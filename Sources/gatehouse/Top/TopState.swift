import Control
import Proxy

/// What the person at the keys has chosen; nothing is changed but by a key.
struct TopState {
  enum Mode: Equatable {
    case looking
    case filtering
    case helped
    /// A change that would leave a backend with no server.
    case asking(ServerID, Wish)
  }
  enum Order: String, CaseIterable {
    case name, requests, p95, errors
  }
  enum Wish: Equatable {
    case state(ServerStanding.State)
    case weight(Int)
  }
  enum Step: Equatable {
    case none, quit
    case change(ServerID, Wish)
  }

  private(set) var mode = Mode.looking
  private(set) var order = Order.name
  private(set) var filter = ""
  private(set) var selected: ServerID?
  private(set) var message = ""

  /// As they are shown.
  func servers(_ status: Status) -> [Status.Server] {
    let all = status.backends.flatMap(\.servers)
    let wanted = filter.lowercased()
    let shown =
      wanted.isEmpty
      ? all : all.filter { "\($0.backend)/\($0.name) \($0.state)".lowercased().contains(wanted) }
    func value(_ one: Status.Server) -> Double {
      let recent = one.traffic.recent
      switch order {
      case .name: return 0
      case .requests: return recent?.requestsPerSecond ?? 0
      case .p95: return recent?.p95Seconds ?? 0
      case .errors: return recent?.errorShare ?? 0
      }
    }
    return order == .name ? shown : shown.sorted { value($0) > value($1) }
  }

  func place(_ servers: [Status.Server]) -> Int {
    servers.firstIndex { $0.id == selected } ?? 0
  }

  mutating func press(_ key: TopKey, _ status: Status?) -> Step {
    if key == .end { return .quit }
    switch mode {
    case .filtering:
      type(key)
      return .none
    case .helped:
      mode = .looking
      return .none
    case .asking(let id, let wish):
      mode = .looking
      message = key == .character("y") ? "" : "not done"
      return key == .character("y") ? .change(id, wish) : .none
    case .looking: return look(key, status)
    }
  }

  private mutating func type(_ key: TopKey) {
    switch key {
    case .character(let character): if filter.count < 40 { filter.append(character) }
    case .erase: _ = filter.popLast()
    case .enter: mode = .looking
    case .escape:
      filter = ""
      mode = .looking
    case .up, .down, .end: return
    }
  }

  private mutating func look(_ key: TopKey, _ status: Status?) -> Step {
    let servers = status.map { self.servers($0) } ?? []
    let place = place(servers)
    let current = servers.indices.contains(place) ? servers[place] : nil
    message = ""
    switch key {
    case .character("q"): return .quit
    case .character("?"), .character("h"): mode = .helped
    case .character("/"): mode = .filtering
    case .character("s"):
      let all = Order.allCases
      order = all[((all.firstIndex(of: order) ?? 0) + 1) % all.count]
    case .down, .character("j"): select(place + 1, servers)
    case .up, .character("k"): select(place - 1, servers)
    case .character("d"): return ask(current, .state(.drain), status)
    case .character("m"): return ask(current, .state(.maint), status)
    case .character("r"): return ask(current, .state(.ready), status)
    case .character("+"), .character("="):
      return ask(current, .weight(min(256, (current?.weight ?? 0) + 1)), status)
    case .character("-"):
      return ask(current, .weight(max(0, (current?.weight ?? 0) - 1)), status)
    case .escape: filter = ""
    case .character, .enter, .erase, .end: break
    }
    return .none
  }

  private mutating func select(_ place: Int, _ servers: [Status.Server]) {
    guard !servers.isEmpty else { return }
    selected = servers[max(0, min(place, servers.count - 1))].id
  }

  /// At once, or first whether it is meant: where it leaves the backend with no server.
  private mutating func ask(
    _ server: Status.Server?, _ wish: Wish, _ status: Status?
  ) -> Step {
    guard let server, let status else { return .none }
    selected = server.id
    let others = status.backends.first { $0.name == server.backend }?.servers.filter {
      $0.name != server.name && ["up", "standby"].contains($0.state) && $0.weight > 0
    }
    let takesAway =
      switch wish {
      case .state(.ready): false
      case .state: true
      case .weight(let weight): weight == 0
      }
    guard takesAway, others?.isEmpty ?? true, server.state == "up" else {
      return .change(server.id, wish)
    }
    mode = .asking(server.id, wish)
    return .none
  }
}

extension Status.Server {
  var id: ServerID { ServerID(backend: backend, server: name) }
}
