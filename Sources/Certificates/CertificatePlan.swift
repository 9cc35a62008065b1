/// Which certificates are fetched from which authorities (RFC 8555): what a file asks for.
public struct CertificatePlan: Equatable, Sendable {
  /// By name, for `PlannedCertificate.authorities`.
  public var authorities: [ACMEAuthority] = []
  public var certificates: [PlannedCertificate] = []

  public init() {}
}

/// A certificate authority that speaks ACME.
public struct ACMEAuthority: Equatable, Sendable {
  /// An account made elsewhere, which a new one here is bound to (RFC 8555, section 7.3.4).
  public struct ExternalAccount: Equatable, Sendable {
    public var keyID: String
    /// A file with the MAC key, base64url, mode 0600.
    public var keyPath: String

    public init(keyID: String, keyPath: String) {
      self.keyID = keyID
      self.keyPath = keyPath
    }
  }

  public var name: String
  /// The URL of its directory; https only.
  public var directory: String
  /// PEM file of the authorities to trust for the directory itself; the system's when nil.
  public var trustPath: String?
  /// Told to the authority, for its warnings.
  public var email: String?
  public var externalAccount: ExternalAccount?
  /// The common name of the issuer at the top of the chain wanted; the first chain offered when nil
  /// or when no chain has it.
  public var preferredChain: String?

  public init(name: String, directory: String) {
    self.name = name
    self.directory = directory
  }
}

extension ACMEAuthority {
  /// The directory that a person means by a URL or a well-known name; nil where it is neither.
  public static func directory(of text: String) -> String? {
    switch text {
    case "letsencrypt": return "https://acme-v02.api.letsencrypt.org/directory"
    case "letsencrypt-staging": return "https://acme-staging-v02.api.letsencrypt.org/directory"
    default: break
    }
    let isURL =
      text.hasPrefix("https://") && text.utf8.count <= 2048
      && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    return isURL ? text : nil
  }
}

/// One certificate to be fetched and kept fresh; one key kind each has a version of its own, the
/// RSA one in the folder `NAME.rsa` beside that of the others.
public struct PlannedCertificate: Equatable, Sendable {
  public var name: String
  public var names: [ServerName]
  public var keys: [KeyKind] = [.ecdsaP256]
  public var challenge = ChallengeKind.http01
  /// Names of authorities, in the order they are tried.
  public var authorities: [String]
  /// Keeps the key when it is renewed.
  public var reusesKey = false

  public init(name: String, names: [ServerName], authorities: [String]) {
    self.name = name
    self.names = names
    self.authorities = authorities
  }
}

/// How control over a name is proven.
public enum ChallengeKind: Equatable, Sendable {
  case http01
  case tlsALPN01
  case dns01(DNSPublisher)

  /// As the protocol calls it.
  public var type: String {
    switch self {
    case .http01: "http-01"
    case .tlsALPN01: "tls-alpn-01"
    case .dns01: "dns-01"
    }
  }
}

/// How a TXT record comes into the DNS.
public enum DNSPublisher: Equatable, Sendable {
  /// A program, called as `PROGRAM present|cleanup FQDN VALUE`.
  case hook(path: String)
  /// RFC 2136, to `server` (address, port), signed with the TSIG key in a file where there is one.
  case update(server: String, port: UInt16, keyPath: String?)
}

/// What an authority looks for while it validates a name.
public enum LiveChallenge: Equatable, Sendable {
  /// Answered with `body` under `/.well-known/acme-challenge/TOKEN` on port 80 (RFC 8555, 8.3).
  case http(token: String, body: String)
  /// Served for `name` to who offers only `acme-tls/1` (RFC 8737).
  case tlsALPN(name: String, certificate: IssuedCertificate)
  /// A TXT record at `name`, such as `_acme-challenge.example.com.` (RFC 8555, 8.4).
  case dns(name: String, value: String)

  public static func == (one: Self, other: Self) -> Bool { one.key == other.key }

  private var key: [String] {
    switch self {
    case .http(let token, let body): ["http", token, body]
    case .tlsALPN(let name, let certificate):
      ["tls", name, String(decoding: certificate.chainPEM, as: UTF8.self)]
    case .dns(let name, let value): ["dns", name, value]
    }
  }
}

/// Makes a challenge's answer visible, and takes it away again.
///
/// `present` returns when the answer can be fetched.
public protocol ChallengePublisher: Sendable {
  func present(_ challenge: LiveChallenge) throws
  func withdraw(_ challenge: LiveChallenge)
}
