extension ProxyConfiguration {
  /// Which requests are followed through the servers behind (W3C Trace Context).
  public struct Tracing: Sendable, Equatable {
    /// Of the requests whose trace begins here, how many of a million are told of.
    public var sampledPerMillion: UInt64 = 1_000_000
    /// Whose `traceparent` is kept; all others' is replaced.
    public var trusted = AccessRules(ipv4: [], ipv6: [])

    public init() {}
  }
}
