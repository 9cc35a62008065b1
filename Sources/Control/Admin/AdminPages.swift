internal import Proxy

/// The dashboard's files, which are part of the program; they hold nothing that is anybody's secret.
enum AdminPages {
  /// Nil where there is no such page.
  static func page(_ method: String, _ path: String) -> LocalResponse? {
    guard method == "GET" || method == "HEAD" else { return nil }
    switch path {
    case "/": return page(PackageResources.index_html, "text/html; charset=utf-8")
    case "/dashboard.css": return page(PackageResources.dashboard_css, "text/css; charset=utf-8")
    case "/dashboard.svg", "/favicon.ico":
      return page(PackageResources.dashboard_svg, "image/svg+xml")
    default: return script(path).map { page($0, "text/javascript; charset=utf-8") }
    }
  }

  private static func script(_ path: String) -> [UInt8]? {
    switch path {
    case "/dashboard.js": PackageResources.dashboard_js
    case "/change.js": PackageResources.change_js
    case "/charts.js": PackageResources.charts_js
    case "/dom.js": PackageResources.dom_js
    case "/door.js": PackageResources.door_js
    case "/firewall.js": PackageResources.firewall_js
    case "/panels.js": PackageResources.panels_js
    case "/servers.js": PackageResources.servers_js
    case "/words.js": PackageResources.words_js
    default: nil
    }
  }

  private static func page(_ bytes: [UInt8], _ type: String) -> LocalResponse {
    LocalResponse(status: 200, contentType: type, body: bytes)
  }

  /// In every answer: nothing of another site runs in ours, frames it or learns of it, and nothing is kept.
  static let protection = [
    LocalField(
      "Content-Security-Policy",
      "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
    ),
    LocalField("X-Content-Type-Options", "nosniff"),
    LocalField("Referrer-Policy", "no-referrer"),
    LocalField("Cross-Origin-Resource-Policy", "same-origin"),
    LocalField("Cross-Origin-Opener-Policy", "same-origin"),
    LocalField("Cache-Control", "no-store"),
  ]
}
