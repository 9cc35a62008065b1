internal import COpenSSL

/// An answer that a certificate authority looks for just now.
public enum ACMEChallenge: Sendable, Equatable {
  /// Under `/.well-known/acme-challenge/TOKEN`, to everybody (RFC 8555, section 8.3).
  case http(token: String, body: String)
  /// To who offers `acme-tls/1` alone and names the host (RFC 8737).
  case tlsALPN(host: String, ProxyConfiguration.Certificate)
}

/// The answers that authorities look for just now, as one worker gives them.
@safe final class LiveChallenges {
  private var bodies: [(token: [UInt8], body: [UInt8])] = []
  private var hosts: [(name: [UInt8], context: TLSContext)] = []

  var hasHTTP: Bool { !bodies.isEmpty }
  var hasTLS: Bool { !hosts.isEmpty }

  private static let folder: StaticString = "/.well-known/acme-challenge/"

  /// In place of all there were; says what is wrong with one, which is then left out.
  func replace(with all: [ACMEChallenge]) -> String? {
    bodies = []
    hosts = []
    var trouble: String?
    for challenge in all {
      switch challenge {
      case .http(let token, let body): bodies.append((Array(token.utf8), Array(body.utf8)))
      case .tlsALPN(let host, let certificate):
        do throws(TLSContextError) {
          hosts.append((HostTable.key(host.utf8), try TLSContext(challenge: certificate)))
        } catch { trouble = "challenge for \(host): \(error.reason)" }
      }
    }
    return trouble
  }

  /// What to answer to a request for exactly this path, as it was sent.
  func body(for path: Span<UInt8>) -> [UInt8]? {
    let count = Self.folder.utf8CodeUnitCount
    guard path.count > count, path.extracting(0..<count).isEqual(Self.folder) else { return nil }
    let token = path.extracting(count...)
    return bodies.first { $0.token.span.isEqual(to: token) }?.body
  }

  /// Nil where the hello is an ordinary one.
  func context(for name: Span<UInt8>, asked ssl: OpaquePointer) -> TLSContext? {
    guard hasTLS else { return nil }
    var bytes: UnsafePointer<UInt8>?
    var count = 0
    let type = UInt32(TLSEXT_TYPE_application_layer_protocol_negotiation)
    guard unsafe SSL_client_hello_get0_ext(ssl, type, &bytes, &count) == 1,
      let bytes = unsafe bytes
    else { return nil }
    let offered = unsafe Span(_unsafeStart: bytes, count: count)
    // A list of one name: its length twice, then the name.
    guard offered.count == 13, offered[0] == 0, offered[1] == 11, offered[2] == 10,
      offered.extracting(3...).isEqual("acme-tls/1")
    else { return nil }
    let host = HostTable.withoutLastDot(name)
    return hosts.first { FieldValue.isSameName($0.name.span, host) }?.context
  }
}

extension Span<UInt8> {
  fileprivate func isEqual(to other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    for index in indices where self[index] != other[index] { return false }
    return true
  }
}
