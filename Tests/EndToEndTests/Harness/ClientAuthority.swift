import Foundation

/// An authority made with openssl, its clients' certificates and its list of revoked ones.
final class ClientAuthority {
  let folder: TemporaryFolder
  private let name: String

  init(_ name: String = "clients") throws {
    folder = try TemporaryFolder()
    self.name = name
    try openssl(
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
      "30", "-subj", "/CN=\(name)", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout",
      path("ca.key"), "-out", path("ca.pem"))
    _ = try folder.write(
      "ca.cnf",
      """
      [ca]
      default_ca = own
      [own]
      database = \(path("index.txt"))
      default_md = sha256
      default_crl_days = 30
      """)
    _ = try folder.write("index.txt", "")
    try makeList()
  }

  var certificate: String { path("ca.pem") }
  var list: String { path("ca.crl") }

  func path(_ name: String) -> String { folder.url.appendingPathComponent(name).path }

  /// Makes `NAME.pem` and `NAME.key`, good for `days`, with the alternative names given.
  func issue(_ client: String, names: String? = nil, days: Int = 30) throws {
    try openssl(
      "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
      "/CN=\(client)", "-keyout", path("\(client).key"), "-out", path("\(client).csr"))
    let alternative = names.map { "subjectAltName=\($0)\n" } ?? ""
    let extensions = try folder.write(
      "\(client).ext", "basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\n\(alternative)")
    try openssl(
      "x509", "-req", "-in", path("\(client).csr"), "-CA", certificate, "-CAkey", path("ca.key"),
      "-CAcreateserial", "-days", "\(days)", "-extfile", extensions, "-out",
      path("\(client).pem"))
  }

  func revoke(_ client: String) throws {
    try openssl(
      "ca", "-config", path("ca.cnf"), "-keyfile", path("ca.key"), "-cert", certificate,
      "-revoke", path("\(client).pem"))
    try makeList()
  }

  /// Good for 30 days, or for so many seconds.
  func makeList(seconds: Int = 30 * 86_400) throws {
    try openssl(
      "ca", "-config", path("ca.cnf"), "-keyfile", path("ca.key"), "-cert", certificate, "-gencrl",
      "-crlsec", "\(seconds)", "-out", list)
  }

  private func openssl(_ arguments: String...) throws {
    let made = try run("openssl", arguments)
    guard made.status == 0 else { throw Gate.Failure(text: made.standardError) }
  }
}

/// One connection of `openssl s_client`, one request over it, and what came of both.
struct TLSAttempt {
  let output: String
  let errors: String

  /// `with`: more options; `host`: what the request names, the SNI when nil.
  init(
    _ gate: Gate, sni: String?, host: String? = nil, with options: [String] = [],
    header: String? = nil
  ) throws {
    let name = host ?? sni ?? "none"
    let extra = header.map { "\($0)\r\n" } ?? ""
    let request = "GET / HTTP/1.1\r\nHost: \(name)\r\nConnection: close\r\n\(extra)\r\n"
    let asked = sni.map { ["-servername", $0] } ?? ["-noservername"]
    let ended = try run(
      "openssl",
      ["s_client", "-connect", "127.0.0.1:\(gate.https)", "-CAfile", gate.ca, "-ign_eof"] + asked
        + options, input: Data(request.utf8), seconds: 20)
    output = ended.standardOutput
    errors = ended.standardError
  }

  var isReused: Bool { output.contains("Reused, TLS") }
  var isNew: Bool { output.contains("New, TLS") && !output.contains("New, (NONE)") }
  /// The status of the response; nil without one.
  var status: Int? {
    guard let line = output.range(of: "HTTP/1.1 ") else { return nil }
    return Int(output[line.upperBound...].prefix(3))
  }
}
