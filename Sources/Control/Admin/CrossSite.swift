internal import Proxy

/// What a browser says of the page that a request comes from. A page of another site can have a browser
/// send requests to where only the browser's user may go (Caddy CVE-2026-27589).
enum CrossSite {
  /// Why the request must not be answered; nil where no other site is behind it. `origin`: what the request
  /// came to, such as `https://gate.example.com:9443`; nil where no page can have come from.
  static func refusal(of request: LocalRequest, to origin: String?) -> String? {
    let origins = request.values(of: "origin")
    let sites = request.values(of: "sec-fetch-site")
    guard let origin else {
      let hint = "browsers are not answered on the admin socket; open `admin.listen` for them"
      return request.fields.contains { $0.name == "origin" || $0.name.hasPrefix("sec-fetch-") }
        ? hint : nil
    }
    guard origins.isEmpty || origins.map({ $0.lowercased() }) == [origin] else {
      return
        "the request comes from a page of \(shown(origins)), and only those of \(origin) may ask"
    }
    // Browsers that send one of the family send this one, too.
    if sites.isEmpty {
      return request.fields.contains { $0.name.hasPrefix("sec-fetch-") }
        ? "Sec-Fetch-Site is missing beside its like" : nil
    }
    guard sites != ["same-origin"] else { return nil }
    guard sites == ["none"] else {
      return "Sec-Fetch-Site is \(shown(sites)): another site is behind the request"
    }
    return request.method == "GET"
      ? nil : "Sec-Fetch-Site is none, so no page of ours asks for this \(shown([request.method]))"
  }

  /// The browser itself says that the page is ours.
  static func isProven(_ request: LocalRequest, to origin: String) -> Bool {
    request.values(of: "sec-fetch-site") == ["same-origin"]
      || request.values(of: "origin").map { $0.lowercased() } == [origin]
  }

  private static func shown(_ values: [String]) -> String {
    String(AuditLog.visible(values.joined(separator: ", ")).prefix(200))
  }
}
