internal import Foundation

/// `renewals.json`: what is remembered between runs. Nothing in it is needed to renew, so a damaged
/// file is started anew.
struct RenewalState: Codable, Equatable {
  /// Attempts in a row that have not ended in a certificate that serves.
  struct Attempts: Codable, Equatable {
    var failures = 0
    var last: Date
    var next: Date
    var problem: String?
  }

  /// Where a stored certificate came from, and what its authority says of it.
  struct Origin: Codable, Equatable {
    var authority: String
    /// Of the authority, in case the name is given to another one.
    var directory: String
    var information: RenewalInformation?
  }

  /// By the name in the plan.
  var attempts: [String: Attempts] = [:]
  /// By the folder in the store.
  var origins: [String: Origin] = [:]
  /// Until when an authority asked to be left alone, by its directory.
  var pauses: [String: Date] = [:]
}

/// Where the state is kept; read anew each time, since a command may run beside the server.
struct RenewalFile {
  let path: String
  private let folder: String
  let log: @Sendable (String) -> Void

  init(in certificates: String, log: @escaping @Sendable (String) -> Void) {
    folder = "\(certificates)/.acme"
    path = "\(folder)/renewals.json"
    self.log = log
  }

  func read() -> RenewalState {
    guard Disk.exists(path) else { return RenewalState() }
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    guard let bytes = try? Disk.read(path),
      let state = try? decoder.decode(RenewalState.self, from: Data(bytes))
    else {
      log("\(path): cannot be read, so what it remembered of renewals is forgotten")
      return RenewalState()
    }
    return state
  }

  /// Changes the state while nobody else does.
  @discardableResult
  func update<Value>(_ change: (inout RenewalState) -> Value) throws(ACMEError) -> Value {
    try ACMEError.wrapping { () throws(CertificateError) -> Value in
      try Disk.makeDirectory(folder, mode: 0o700)
      return try Disk.locked(folder) { () throws(CertificateError) -> Value in
        let before = read()
        var state = before
        let value = change(&state)
        if state != before { try write(state) }
        return value
      }
    }
  }

  private func write(_ state: RenewalState) throws(CertificateError) {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .iso8601
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let json = try? encoder.encode(state) else {
      throw CertificateError(path, "cannot be written")
    }
    try Disk.replace(path, with: Array(json) + [0x0a], mode: 0o600)
  }
}
