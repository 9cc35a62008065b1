internal import Configuration
internal import Logging
internal import Proxy

extension Supervisor {
  /// Servers of a name go to its new addresses; false, and told, when they cannot.
  func move(_ found: ResolvedName, from before: ResolvedName) -> Bool {
    let backends = loaded.proxy.backends(using: found.name).joined(separator: ", ")
    do {
      try adopt { $0.proxy = $0.proxy.moving([found.name: found.addresses]) }
    } catch {
      logger.of(.name).error(
        "backend \(backends): \(found.name) stays at \(before.text): \(error)",
        metadata: .about(found.name))
      return false
    }
    logger.of(.name).notice(
      "backend \(backends): \(found.name) is now \(found.text) (was \(before.text))",
      metadata: .about(found.name))
    return true
  }
}
