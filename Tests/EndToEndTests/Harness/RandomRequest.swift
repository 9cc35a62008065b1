import Foundation

/// A request drawn at random: as it is asked about, and as it is sent.
struct RandomRequest {
  let source: String
  /// The address that connects in its place.
  let via: String?
  let port: Int
  let url: String
  let method: String
  let body: Int?

  init(_ random: inout Seeded, hasProxy: Bool) {
    let (scheme, port) = random.one(of: [
      ("https", 443), ("https", 443), ("https", 443), ("https", 443), ("http", 80), ("http", 8080),
      ("http", 8080), ("http", 8090), ("tcp", 9000),
    ])
    self.port = port
    let isMistaken = random.chance(5)
    let host = random.one(of: RandomSite.hosts)
    let path = random.one(of: RandomSite.paths)
    let isUsual = port == 443 || port == 80
    let typed = isMistaken && port != 9000 ? (scheme == "https" ? "http" : "https") : scheme
    url = "\(typed)://\(host)\(isUsual && !isMistaken ? "" : ":\(port)")\(path)"
    method = random.one(of: [
      "GET", "GET", "GET", "HEAD", "POST", "POST", "DELETE", "BREW", "CONNECT",
    ])
    body = method == "POST" ? random.one(of: [0, 100, 2000, 3000]) : nil
    source = random.one(of: RandomSite.sources)
    via = hasProxy && port == 8080 && random.chance(40) ? "10.77.1.40" : nil
  }

  private var peer: String { via ?? source }
  private var scheme: Substring { url.prefix { $0 != ":" } }
  private var authority: Substring { url.dropFirst(scheme.count + 3).prefix { $0 != "/" } }
  private var target: Substring { url.dropFirst(scheme.count + 3 + authority.count) }

  /// For `requests.py ask`.
  var line: String {
    let host = authority.prefix { $0 != ":" }
    let isAddress = host.allSatisfy { $0.isNumber || $0 == "." }
    var head = ["\(method) \(target) HTTP/1.1", "Host: \(authority)", "Connection: close"]
    if let body { head.append("Content-Length: \(body)") }
    if via != nil { head.append("X-Forwarded-For: \(source)") }
    let bytes =
      head.map { "\($0)\r\n" }.joined() + "\r\n" + String(repeating: "b", count: body ?? 0)
    let facts: [String: Any] = [
      "source": peer, "to": peer.contains(":") ? "fd77::1" : "10.77.0.1", "port": port,
      "tls": scheme == "https",
      "name": isAddress ? "" : String(host.hasSuffix(".") ? host.dropLast() : host),
      "bytes": bytes,
    ]
    let data = (try? JSONSerialization.data(withJSONObject: facts)) ?? Data()
    return String(decoding: data, as: UTF8.self)
  }

  /// For `gatehouse why`.
  var words: [String] {
    var words = [source, "\(port)", url, "--method", method]
    if let body { words += ["--body", "\(body)"] }
    if let via { words += ["--via", via] }
    return words
  }
}

/// What a client saw.
struct SeenRequest: Decodable, CustomStringConvertible {
  let end: String
  var status: Int?
  var location: String?
  var server: String?
  var why: String?

  var description: String {
    [end, status.map { "\($0)" }, location, server, why].compactMap(\.self).joined(separator: " ")
  }
}
