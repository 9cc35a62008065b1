/// Whose certificates clients must show: plain values.
public struct ClientAuth: Sendable, Equatable {
  public enum Mode: Sendable, Equatable {
    /// No certificate, no connection.
    case require
    /// Who shows one must show a good one.
    case request
  }

  public var mode: Mode
  /// PEM of the authorities whose certificates are taken; never the system's.
  public var authoritiesPEM: [UInt8]
  /// PEM of their lists of revoked certificates; without them none is taken for revoked.
  public var revokedPEM: [UInt8]?
  /// Names of which a certificate must bear one, such as `alice@example.com` or `*.staff.test`; any
  /// certificate of the authorities when empty.
  public var allowedNames: [String] = []

  public init(mode: Mode, authoritiesPEM: [UInt8], revokedPEM: [UInt8]? = nil) {
    self.mode = mode
    self.authoritiesPEM = authoritiesPEM
    self.revokedPEM = revokedPEM
  }
}

extension ProxyConfiguration {
  /// What holds for a host of a listener in place of the listener's own settings.
  public struct TLSHost: Sendable, Equatable {
    /// `exact` or `suffix`.
    public var host: Route.Host
    /// Nobody is asked for a certificate when nil.
    public var clientAuth: ClientAuth?

    public init(host: Route.Host, clientAuth: ClientAuth?) {
      self.host = host
      self.clientAuth = clientAuth
    }
  }
}
