extension ProxyConfiguration {
  /// What `Strict-Transport-Security` says (RFC 6797).
  public struct HSTS: Sendable, Equatable {
    /// Seconds.
    public var maxAge: Int64
    public var includesSubdomains = false
    public var isPreloaded = false
    /// When it begins gently, in seconds since 1970; at once in full when nil.
    public var rampFrom: Int64?

    public init(maxAge: Int64) { self.maxAge = maxAge }

    /// What holds from when on: a mistake is forgotten in minutes on the first day, in a day in the
    /// week after that.
    var steps: [(from: Int64, maxAge: Int64)] {
      guard let rampFrom else { return [(.min, maxAge)] }
      let day: Int64 = 86_400
      return [
        (.min, min(maxAge, 300)), (rampFrom + day, min(maxAge, day)), (rampFrom + 8 * day, maxAge),
      ]
    }

    /// The field's value for one step.
    func value(_ maxAge: Int64) -> String {
      "max-age=\(maxAge)" + (includesSubdomains ? "; includeSubDomains" : "")
        + (isPreloaded ? "; preload" : "")
    }
  }
}

/// A route's response headers over TLS: the route's own, and what its HSTS says on the day.
struct SecureHeaders {
  private let steps: [(from: Int64, headers: ResponseHeaders)]

  init(_ route: ProxyConfiguration.Route) {
    guard let hsts = route.hsts else {
      steps = [(.min, ResponseHeaders(route.setResponseHeaders))]
      return
    }
    steps = hsts.steps.map { step in
      let field = ("Strict-Transport-Security", hsts.value(step.maxAge))
      return (step.from, ResponseHeaders(route.setResponseHeaders + [field]))
    }
  }

  var now: ResponseHeaders {
    guard steps.count > 1 else { return steps[0].headers }
    let time = Clock.unixSeconds()
    return steps.last { $0.from <= time }?.headers ?? steps[0].headers
  }
}
