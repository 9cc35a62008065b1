internal import COpenSSL
internal import Foundation

/// Signed requests, flattened, as ACME sends them (RFC 7515, section 7.2.2).
enum JWS {
  /// Whom a request names as its signer.
  enum Signer: Equatable {
    /// The key itself, before there is an account.
    case key
    /// The account's URL.
    case account(String)
  }

  static func request(
    _ payload: [UInt8], to url: String, nonce: String, signer: Signer, key: AccountKey
  ) throws(ACMEError) -> [UInt8] {
    var header = #""alg":"ES256","nonce":\#(quoted(nonce)),"url":\#(quoted(url))"#
    switch signer {
    case .key: header += #","jwk":\#(key.jwk)"#
    case .account(let account): header += #","kid":\#(quoted(account))"#
    }
    let body = signed("{\(header)}", payload)
    return envelope(body, signature: try key.sign(Array(body.text.utf8)))
  }

  /// The account's key, signed with the MAC key of an account made elsewhere (RFC 8555, 7.3.4).
  static func binding(
    of key: AccountKey, to keyID: String, macKey: [UInt8], url: String
  ) throws(ACMEError) -> [UInt8] {
    let header = #"{"alg":"HS256","kid":\#(quoted(keyID)),"url":\#(quoted(url))}"#
    let body = signed(header, Array(key.jwk.utf8))
    guard let code = hmacSHA256(Array(body.text.utf8), key: macKey) else {
      throw ACMEError(.openSSL("external account", "cannot sign with its MAC key"))
    }
    return envelope(body, signature: code)
  }

  static func hmacSHA256(_ bytes: [UInt8], key: [UInt8]) -> [UInt8]? {
    var code = [UInt8](repeating: 0, count: 32)
    var count = 0
    let isDone =
      unsafe EVP_Q_mac(
        nil, "HMAC", nil, "SHA256", nil, key, key.count, bytes, bytes.count, &code, code.count,
        &count) != nil
    return isDone && count == 32 ? code : nil
  }

  /// A JSON string.
  static func quoted(_ text: String) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    guard let json = try? encoder.encode(text) else { return "\"\"" }
    return String(decoding: json, as: UTF8.self)
  }

  private struct Body {
    let protected: String
    let payload: String
    var text: String { "\(protected).\(payload)" }
  }

  private static func signed(_ header: String, _ payload: [UInt8]) -> Body {
    Body(protected: Base64URL.text(header.utf8), payload: Base64URL.text(payload))
  }

  private static func envelope(_ body: Body, signature: [UInt8]) -> [UInt8] {
    let text =
      #"{"payload":"\#(body.payload)","protected":"\#(body.protected)","#
      + #""signature":"\#(Base64URL.text(signature))"}"#
    return Array(text.utf8)
  }
}
