import Foundation

/// A gate whose admin API is open over TCP, with a token for each role, and curl in front of it.
final class Door {
  let gate: Gate
  let port: UInt16
  private(set) var tokens: [String: String] = [:]
  let isTLS: Bool

  /// `listen` is added to `admin.listen`, `more` to the file, which `edit` may change whole.
  init(
    tls: Bool = false, listen: String = "", roles: [String] = ["viewer", "operator", "admin"],
    more: String = "", origins: [Origin] = [.named("s1"), .named("s2")],
    policy: ((UInt16) -> String)? = nil, edit: (String) -> String = { $0 }
  ) throws {
    let secrets = try TemporaryFolder()
    let port = RawSocket.quietPort()
    self.port = port
    isTLS = tls
    var files: [String] = []
    for role in roles {
      let token = UUID().uuidString + UUID().uuidString
      tokens[role] = token
      let file = try secrets.write("\(role).token", token)
      _ = unsafe chmod(file, 0o600)
      files.append("\(role): \(file)")
    }
    self.secrets = secrets
    let given = files.isEmpty ? "" : ", tokens: { \(files.joined(separator: ", ")) }"
    gate = try Gate(
      origins, extra: more, policy: policy,
      edit: {
        edit($0).replacing(
          "admin: { socket: admin.sock }",
          with: "admin: { socket: admin.sock, listen: { bind: \"127.0.0.1:\(port)\"\(given)"
            + "\(tls ? ", certificates: certs" : "")\(listen) } }")
      })
  }

  private let secrets: TemporaryFolder

  var origin: String { "\(isTLS ? "https" : "http")://127.0.0.1:\(port)" }

  func write(token: String, of role: String) throws {
    let file = try secrets.write("\(role).token", token)
    _ = unsafe chmod(file, 0o600)
  }

  struct Answer {
    var status: Int
    var head: String
    var body: String

    func field(_ name: String) -> String? {
      head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("\(name.lowercased()): ") }
        .map { String($0.dropFirst(name.count + 2)) }
    }
  }

  /// One request; as the role whose token is sent, nobody's when nil.
  func ask(
    _ method: String = "GET", _ path: String, as role: String? = nil, headers: [String] = [],
    body: String? = nil, with options: [String] = []
  ) throws -> Answer {
    var words = ["-sS", "-i", "--max-time", "20", "--cacert", gate.ca, "-X", method] + options
    let bearer = role.flatMap { tokens[$0] }.map { ["Authorization: Bearer \($0)"] } ?? []
    for header in bearer + headers { words += ["-H", header] }
    if let body { words += ["--data-binary", body] }
    let output = try run("curl", words + ["\(origin)\(path)"])
    let text = output.standardOutput
    guard let end = text.range(of: "\r\n\r\n") else {
      return Answer(status: 0, head: output.standardError, body: "")
    }
    return Answer(
      status: Int(text.dropFirst(9).prefix(3)) ?? 0, head: String(text[..<end.lowerBound]),
      body: String(text[end.upperBound...]))
  }

  /// Many requests by one curl; the statuses in their order. `unix`: over the admin socket.
  func statuses(
    _ requests: [(method: String, path: String)], headers: [String], unix: Bool = false
  ) throws -> [Int] {
    var words: [String] = []
    for (index, request) in requests.enumerated() {
      if index > 0 { words.append("--next") }
      words += ["-s", "-o", "/dev/null", "-w", "%{http_code}\n", "--max-time", "20"]
      if unix { words += ["--unix-socket", gate.socket] }
      words += ["--cacert", gate.ca, "-X", request.method]
      for header in headers { words += ["-H", header] }
      words.append((unix ? "http://gatehouse" : origin) + request.path)
    }
    return try run("curl", words).standardOutput.split(separator: "\n").map { Int($0) ?? 0 }
  }

  /// Every request that the API knows, as it says itself, with a name for each word in capitals.
  func routes() throws -> [(method: String, path: String)] {
    let text = try ask("GET", "/v1/none", as: "admin").body
    guard let list = text.range(of: "there are ") else { return [] }
    return text[list.upperBound...].split(separator: "\"").first.map {
      $0.split(separator: ", ").compactMap { route in
        let words = route.split(separator: " ")
        guard words.count == 2 else { return nil }
        let path = words[1].split(separator: "/").map {
          $0.allSatisfy(\.isUppercase) ? "none" : String($0)
        }
        return (String(words[0]), "/" + path.joined(separator: "/"))
      }
    } ?? []
  }

  /// The audit log, an entry each.
  func audit() throws -> [[String: Any]] {
    let file = gate.folder.url.appendingPathComponent("state/audit.log")
    guard let text = try? String(contentsOf: file, encoding: .utf8) else { return [] }
    return try text.split(separator: "\n").compactMap {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
  }
}
