import Foundation
import Testing

@testable import Certificates

struct JOSETests {
  private let workshop: Workshop

  init() throws { workshop = try Workshop() }

  private func accountKey() throws -> AccountKey {
    try workshop.openssl(
      "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "account.key")
    let key = try PrivateKey.read(from: try workshop.bytes("account.key"), of: "account.key")
    return try AccountKey(key, of: "account.key")
  }

  @Test(arguments: [
    ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"),
    ("\u{3}\u{3f}~", "Az9-"),
  ])
  func `base64url goes there and back`(_ plain: String, _ text: String) {
    #expect(Base64URL.text(plain.utf8) == text)
    #expect(Base64URL.bytes(text) == Array(plain.utf8))
    #expect(Base64URL.bytes(text + "==") == Array(plain.utf8))
  }

  @Test(arguments: ["a", "ab+c", "ab/c", "a b", "ab\n", "=ab", "é"])
  func `what is no base64url is refused`(_ text: String) {
    #expect(Base64URL.bytes(text) == nil)
  }

  @Test func `the thumbprint of RFC 7638's key is the one it gives`() {
    let modulus =
      "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
      + "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
      + "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
      + "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    let key = #"{"e":"AQAB","kty":"RSA","n":"\#(modulus)"}"#
    let print = Base64URL.text(Digest.sha256(Array(key.utf8)))
    #expect(print == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
  }

  @Test func `a key's JWK and thumbprint are what Python makes of it`() throws {
    let key = try accountKey()
    try workshop.openssl("pkey", "-in", "account.key", "-pubout", "-outform", "DER", "-out", "pub")
    let script = """
      import base64, hashlib, json, sys
      point = open(sys.argv[1], "rb").read()[-64:]
      text = lambda data: base64.urlsafe_b64encode(data).decode().rstrip("=")
      key = {"kty": "EC", "crv": "P-256", "x": text(point[:32]), "y": text(point[32:])}
      json = json.dumps(key, sort_keys=True, separators=(",", ":"))
      print(json, text(hashlib.sha256(json.encode()).digest()), end="")
      """
    try workshop.write(script, to: "judge.py")
    let said = try run("python3", ["judge.py", "pub"])
    #expect(said == "\(key.jwk) \(key.thumbprint)")
  }

  @Test func `a signature is 64 bytes that openssl verifies`() throws {
    let key = try accountKey()
    try workshop.openssl("pkey", "-in", "account.key", "-pubout", "-out", "pub.pem")
    // Short numbers are padded in one form and cut in the other, so it takes some to meet them.
    for index in 0..<40 {
      let text = "message \(index)"
      let signature = try key.sign(Array(text.utf8))
      try #require(signature.count == 64)
      try workshop.write(text, to: "message")
      try Data(der(signature)).write(to: URL(fileURLWithPath: workshop.path("signature")))
      let ended = try workshop.openssl(
        "dgst", "-sha256", "-verify", "pub.pem", "-signature", "signature", "message")
      #expect(ended.status == 0, "\(ended.output)")
      #expect(AccountKey.flat(der(signature)) == signature)
    }
  }

  @Test func `numbers of a signature that are too long are no signature`() {
    #expect(AccountKey.flat([]) == nil)
    #expect(AccountKey.flat([0x30, 0x06, 0x02, 0x01]) == nil)
    #expect(
      AccountKey.flat(der([UInt8](repeating: 0, count: 64))) == [UInt8](repeating: 0, count: 64))
    let long = [0x02, 0x21] + [UInt8](repeating: 0x7f, count: 33)
    #expect(AccountKey.flat([0x30, 0x46] + long + long) == nil)
  }

  @Test func `HMAC gives what RFC 7515 gives`() throws {
    let key = try #require(
      Base64URL.bytes(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"))
    let text =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQog"
      + "Imh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    let code = try #require(JWS.hmacSHA256(Array(text.utf8), key: key))
    #expect(Base64URL.text(code) == "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
  }

  @Test func `a request holds its key or its account, never both`() throws {
    let key = try accountKey()
    for signer in [JWS.Signer.key, .account("https://a.test/acct/1")] {
      let request = try JWS.request(
        Array("{}".utf8), to: "https://a.test/\"x", nonce: "n0", signer: signer, key: key)
      let envelope = try JSONDecoder().decode([String: String].self, from: Data(request))
      let header = try #require(Base64URL.bytes(envelope["protected"] ?? "!"))
      let fields = try #require(
        try JSONSerialization.jsonObject(with: Data(header)) as? [String: Any])
      #expect(fields["alg"] as? String == "ES256" && fields["nonce"] as? String == "n0")
      #expect(fields["url"] as? String == "https://a.test/\"x")
      #expect((fields["jwk"] == nil) == (signer != .key))
      #expect((fields["kid"] == nil) == (signer == .key))
    }
  }

  @Test func `a request for a certificate names names only`() throws {
    let names = ["*.shop.test", "shop.test", "192.0.2.7", "2001:db8::1"].compactMap {
      ServerName($0)
    }
    let der = try CertificateRequest.make(for: names, key: try PrivateKey.generate(.rsa2048))
    try Data(der).write(to: URL(fileURLWithPath: workshop.path("csr")))
    let ended = try workshop.openssl(
      "req", "-inform", "DER", "-in", "csr", "-noout", "-text", "-verify")
    #expect(ended.output.contains("verify OK"))
    #expect(ended.output.contains("Subject: \n"), "\(ended.output)")
    #expect(
      ended.output.contains(
        "DNS:*.shop.test, DNS:shop.test, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:1"))
  }

  /// The form OpenSSL writes: two integers in a sequence.
  private func der(_ flat: [UInt8]) -> [UInt8] {
    let numbers = [flat.prefix(32), flat.suffix(32)].flatMap { half in
      let short = Array(half.drop { $0 == 0 })
      let body = short.isEmpty || short[0] >= 0x80 ? [0] + short : short
      return [0x02, UInt8(body.count)] + body
    }
    return [0x30, UInt8(numbers.count)] + numbers
  }

  private func run(_ program: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.currentDirectoryURL = URL(fileURLWithPath: workshop.folder)
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return String(decoding: output, as: UTF8.self)
  }
}
