import Firewall
import Foundation
public import Proxy

/// Reads `gatehouse.yaml` and all it names.
public enum ConfigurationFile {
  /// All that is wrong is thrown at once. `lastAddresses`: what names meant to the process that runs,
  /// kept where they cannot be resolved.
  public static func load(
    _ path: String, lastAddresses: [String: [IPAddress]] = [:]
  ) throws(ConfigurationErrors) -> LoadedConfiguration {
    let problems = Problems()
    var loaded = LoadedConfiguration()
    if let root = YAMLDocument.read(path, problems),
      let file = MapReader(root, FileFields.section, label: "", problems)
    {
      loaded = read(file, lastAddresses)
    }
    try problems.throwIfAny()
    loaded.warnings = problems.warnings
    return loaded
  }

  /// Only where the running process answers; whatever else is wrong with the file, which is when one
  /// asks. Nil where it names no admin socket.
  public static func adminSocket(_ path: String) throws(ConfigurationErrors) -> String? {
    let problems = Problems()
    guard let root = YAMLDocument.read(path, problems),
      let file = MapReader(root, FileFields.section, label: "", problems)
    else {
      try problems.throwIfAny()
      return nil
    }
    return file.section(FileFields.admin, AdminFields.section).flatMap(adminSocket)
  }

  private static func adminSocket(_ admin: MapReader) -> String? {
    let socket = admin.path(AdminFields.socket) ?? LoadedConfiguration.defaultAdminSocket
    return checkedSocket(socket, admin)
  }

  private static func read(
    _ file: MapReader, _ lastAddresses: [String: [IPAddress]]
  ) -> LoadedConfiguration {
    var loaded = LoadedConfiguration()
    var listeners = ListenerReader.read(file)
    loaded.resolver = ResolverReader.read(file)
    let names = NameBook(loaded.resolver, last: lastAddresses)
    let backends = BackendReader.read(file, names)
    loaded.names = names.names
    for index in listeners.indices {
      StreamReader.read(&listeners[index].listener, listeners[index].map, backends: backends)
    }
    for found in listeners {
      guard let folder = found.certificateFolder else { continue }
      loaded.certificateFolders[found.listener.name] = folder
      loaded.certificates[found.listener.name] = found.certificates
    }
    loaded.acme = ACMEReader.read(file, folders: listeners.compactMap(\.certificateFolder))
    refuseEmptyFolders(file, listeners, fetched: loaded.acme?.folder)
    loaded.proxy.backends = backends
    let speaksHTTP = listeners.isEmpty || listeners.contains { $0.listener.stream == nil }
    loaded.proxy.routes = RouteReader.read(
      file, backends: backends.map(\.name), areNeeded: speaksHTTP)
    loaded.proxy.cookieKey = cookieKey(file)
    loaded.proxy.workers = file.integer(FileFields.workers) ?? loaded.proxy.workers
    readBounds(file, &loaded.proxy)
    TracingReader.read(file, &loaded)
    loaded.proxy.log = LogReader.read(file)
    let admin = file.section(FileFields.admin, AdminFields.section)
    loaded.adminSocket = admin.flatMap(adminSocket)
    loaded.state = file.path(FileFields.state) ?? LoadedConfiguration.defaultState
    if let admin { AdminReader.read(admin, &loaded) }
    loaded.haproxySocket = admin.flatMap { admin in
      admin.path(AdminFields.haproxySocket).flatMap { checkedSocket($0, admin) }
    }
    loaded.agentSocket = file.path(FileFields.agent)
    _ = file.choice(FileFields.firewall)
    loaded.proxy.listeners = listeners.map(\.listener)
    readPolicy(file, listeners, &loaded)
    if let admin { AdminListenReader.read(admin, listeners, &loaded) }
    HealthDoorReader.read(file, listeners, &loaded)
    ACMEReachability.check(loaded, file)
    return loaded
  }

  private static func readBounds(_ file: MapReader, _ proxy: inout ProxyConfiguration) {
    if let limits = file.section(FileFields.limits, LimitFields.section) {
      for bound in LimitFields.sizes {
        if let bytes = limits.size(bound.field) { proxy.limits[keyPath: bound.target] = bytes }
      }
      for bound in LimitFields.counts {
        if let count = limits.integer(bound.field) { proxy.limits[keyPath: bound.target] = count }
      }
    }
    if let timeouts = file.section(FileFields.timeouts, TimeoutFields.section) {
      for bound in TimeoutFields.spans {
        if let span = timeouts.duration(bound.field) {
          proxy.timeouts[keyPath: bound.target] = span
        }
      }
    }
  }

  /// A folder may be empty as long as its certificates are still to be fetched.
  private static func refuseEmptyFolders(
    _ file: MapReader, _ listeners: [ListenerReader.Found], fetched: String?
  ) {
    for found in listeners where found.certificates.isEmpty {
      guard let folder = found.certificateFolder, folder != fetched,
        FileManager.default.fileExists(atPath: folder)
      else { continue }
      file.problems.error(
        found.place,
        "no certificate in \"\(folder.shortened)\"; for a first one: gatehouse cert dev")
    }
  }

  private static func cookieKey(_ file: MapReader) -> [UInt8] {
    guard let path = file.path(FileFields.cookieKey),
      let place = file[FileFields.cookieKey]?.place
    else { return [] }
    do throws(FileReader.Failure) {
      let bytes = try FileReader.read(path, limit: 4096).bytes
      if bytes.count >= 32 { return bytes }
      file.problems.error(
        place,
        "\"\(path.shortened)\" has \(bytes.count) bytes; at least 32, as of: openssl rand -out \(path) 32"
      )
    } catch {
      file.problems.error(
        place,
        "cannot read \"\(path.shortened)\": \(error.text); make one: openssl rand -out \(path) 32")
    }
    return []
  }

  private static func checkedSocket(_ path: String, _ admin: MapReader) -> String? {
    // sockaddr_un holds 108 bytes with the NUL at the end.
    guard path.utf8.count <= 107, !path.utf8.contains(0) else {
      let place = admin[AdminFields.socket]?.place ?? admin.place
      admin.problems.error(place, "the socket's path is too long; at most 107 bytes")
      return nil
    }
    return path
  }

  private static func readPolicy(
    _ file: MapReader, _ listeners: [ListenerReader.Found], _ loaded: inout LoadedConfiguration
  ) {
    guard file[FileFields.policy] != nil else {
      return file.problems.warning(
        file.place, "no policy: everybody may connect; name one with \"policy\"")
    }
    guard let path = file.path(FileFields.policy) else { return }
    loaded.policyPath = path
    loaded.proxy.policyRevision = PolicyRevision.text(path)
    let now = Int64(Date().timeIntervalSince1970)
    let place = file[FileFields.policy]?.place
    let found = PolicyFile.read(
      path, at: now, lastFeeds: "\(PolicyFile.standardState)/feeds", namedAt: place, file.problems)
    guard let found else { return }
    // What is allowed by hand, the kernel lets in: so must we.
    let kept = "\(PolicyFile.standardState)/overrides.json"
    guard let overrides = PolicyOverrides.read(kept) else {
      return file.problems.error(
        place ?? file.place, "\(kept) is damaged, and may say panic; move it away")
    }
    let policy = overrides.remaining(at: now).applied(to: found.policy)
    let verdict = PolicyVerdict(ResolvedPolicy(policy))
    loaded.policy = policy
    let reader = AccessReader(
      policy: policy, verdict: verdict, routes: loaded.proxy.routes, problems: file.problems)
    for (index, listener) in listeners.enumerated() {
      reader.access(listener, &loaded.proxy.listeners[index])
      let name = listener.listener.name
      guard let port = listener.listener.addresses.first?.port,
        let ban = verdict.service(.tcp, port: port)?.ban, ban.cause == .refused,
        policy.mode == .enforce
      else { continue }
      loaded.refusalBans[name] = ban
    }
    loaded.bans.bans = verdict.policy.bans
    loaded.bans.neverBanned = verdict.policy.neverBanned
  }
}
