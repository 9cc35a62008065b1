internal import Configuration

/// What a process keeps from its start, whatever its file says later.
struct StartTerms: Equatable {
  private let workers: Int
  private let socket, haproxySocket: String?
  private let group: UInt32?
  private let state: String

  init(_ loaded: LoadedConfiguration) {
    workers = loaded.proxy.workers
    socket = loaded.adminSocket
    haproxySocket = loaded.haproxySocket
    group = loaded.adminGroup
    state = loaded.state
  }

  /// Each setting by which a file that was applied differs: "workers: 2 -> 4 needs a restart: …".
  func waiting(in loaded: LoadedConfiguration) -> [String] {
    let next = StartTerms(loaded)
    func number(_ group: UInt32?) -> String { group.map { "group \($0)" } ?? "none" }
    return [
      ("workers", Self.text(ofWorkers: workers), Self.text(ofWorkers: next.workers)),
      ("admin.socket", socket ?? "none", next.socket ?? "none"),
      ("admin.group", number(group), number(next.group)),
      ("admin.haproxy_socket", haproxySocket ?? "none", next.haproxySocket ?? "none"),
      ("state", state, next.state),
    ].filter { $0.1 != $0.2 }.map { setting, before, after in
      "\(setting): \(before) -> \(after) needs a restart: systemctl restart gatehouse"
    }
  }

  private static func text(ofWorkers count: Int) -> String {
    count == 0 ? "one per core" : "\(count)"
  }
}
