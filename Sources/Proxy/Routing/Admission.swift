/// What the policy says of a listener's clients, ready to be asked.
struct Admission {
  /// Who may connect; everybody when nil.
  let access: AccessRules?
  /// When, but for those who administer it; always when nil.
  let hours: OpeningHours?
  /// Which requests of whom; every one when nil.
  let requests: RequestAccess?
  /// Who would be refused is counted, and let in.
  let isAudit: Bool
  /// A new generation ends the connections of those whom it does not let in.
  let closesRefused: Bool

  init(_ listener: ProxyConfiguration.Listener) {
    access = listener.access
    hours = listener.hours
    requests = listener.http.map(RequestAccess.init)
    isAudit = listener.isAudit
    closesRefused = listener.closesRefused
  }

  /// Whether a new connection from `address` may go on; time in seconds since 1970.
  func admits(_ address: IPAddress, at time: Int64) -> Bool {
    guard let access else { return true }
    return access.allows(address, at: time) && hours?.admits(address, at: time) ?? true
  }
}
