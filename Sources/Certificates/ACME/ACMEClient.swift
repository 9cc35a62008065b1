internal import Foundation

/// Speaks with one authority (RFC 8555), as one account.
final class ACMEClient {
  /// How often a request whose nonce was refused is sent again. With 5, one order in a thousand fails
  /// at an authority that refuses every fifth, as Pebble does on request.
  static let nonceRetryLimit = 10

  let authority: ACMEAuthority
  let directory: ACMEDirectory
  let http: HTTPSClient
  let log: @Sendable (String) -> Void
  private(set) var accountURL: String?
  private(set) var refusedNonces = 0
  private let folder: AccountFolder
  private var storedKey: AccountKey?
  private var nonce: String?

  /// Asks for the directory; the account comes with the first request that needs it.
  init(
    _ authority: ACMEAuthority, certificates: String, agent: String,
    log: @escaping @Sendable (String) -> Void
  ) throws(ACMEError) {
    self.authority = authority
    self.log = log
    http = HTTPSClient(trustPath: authority.trustPath, agent: agent)
    folder = AccountFolder(in: certificates, directory: authority.directory)
    let response = try http.getFollowing(try SecureURL(authority.directory))
    try Self.require(response, [200], authority.directory)
    directory = try response.decoded(
      ACMEDirectory.self, "ACME directory", from: authority.directory)
  }

  /// Sends a signed request as the account; a nil payload only reads (RFC 8555, section 6.3).
  func post(
    _ url: String, _ payload: [UInt8]?, accept: String = "application/json"
  ) throws(ACMEError) -> HTTPSResponse {
    let account = try account()
    do throws(ACMEError) {
      return try send(url, payload ?? [], signer: .account(account), accept: accept)
    } catch {
      guard error.document?.type == ProblemDocument.accountDoesNotExist else { throw error }
      // Forgotten there; the key makes or finds it anew.
      return try send(url, payload ?? [], signer: .account(try register()), accept: accept)
    }
  }

  /// The account's key, made when there is none.
  func key() throws(ACMEError) -> AccountKey {
    if let storedKey { return storedKey }
    let new = try folder.key()
    storedKey = new
    return new
  }

  /// The account's URL: the one kept, or found again by its key, or made.
  func account() throws(ACMEError) -> String {
    if let accountURL { return accountURL }
    guard let record = folder.record() else { return try register() }
    if record.email != authority.email {
      do throws(ACMEError) { try tellContact(record.url) } catch {
        guard error.document?.type == ProblemDocument.accountDoesNotExist else { throw error }
        return try register()
      }
    }
    accountURL = record.url
    return record.url
  }

  /// Makes the account, or has the authority find it by its key.
  @discardableResult
  func register() throws(ACMEError) -> String {
    let url = directory.newAccount
    let response: HTTPSResponse
    do throws(ACMEError) {
      response = try send(
        url, Array(try accountRequest().utf8), signer: .key, accept: "application/json")
    } catch {
      throw explained(error)
    }
    guard let account = response["location"] else {
      throw ACMEError(authority.name, "made an account and did not say where it is")
    }
    _ = try SecureURL(account)
    let found = try response.decoded(ACMEAccount.self, "account", from: url)
    guard found.status ?? .valid == .valid else {
      throw ACMEError(
        authority.name,
        "this account is \(found.status ?? .unknown); to make a new one, remove \(folder.path)")
    }
    // An account that was there keeps its old address until it is told the new one.
    if response.status == 200 { try tellContact(account) }
    try folder.write(folder.newRecord(url: account, email: authority.email))
    log("\(authority.name): the account is \(account)")
    accountURL = account
    return account
  }

  private func tellContact(_ account: String) throws(ACMEError) {
    let payload = "{\"contact\":[\(contact)]}"
    _ = try send(
      account, Array(payload.utf8), signer: .account(account), accept: "application/json")
    try folder.write(folder.newRecord(url: account, email: authority.email))
  }

  private var contact: String { authority.email.map { JWS.quoted("mailto:\($0)") } ?? "" }

  private func accountRequest() throws(ACMEError) -> String {
    var fields = [#""termsOfServiceAgreed":true"#]
    if authority.email != nil { fields.append("\"contact\":[\(contact)]") }
    if let external = authority.externalAccount {
      let macKey = try ACMEError.wrapping { () throws(CertificateError) -> [UInt8] in
        try Disk.requirePrivate(external.keyPath)
        return try Disk.read(external.keyPath)
      }
      let text = String(decoding: macKey, as: UTF8.self).filter { !$0.isWhitespace }
      guard let bytes = Base64URL.bytes(text), !bytes.isEmpty else {
        throw ACMEError(
          external.keyPath, "not a MAC key; put the key in it as the authority shows it, base64url")
      }
      let binding = try JWS.binding(
        of: try key(), to: external.keyID, macKey: bytes, url: directory.newAccount)
      fields.append("\"externalAccountBinding\":\(String(decoding: binding, as: UTF8.self))")
    }
    return "{\(fields.joined(separator: ","))}"
  }

  private func explained(_ error: ACMEError) -> ACMEError {
    guard error.document?.type == ProblemDocument.externalAccountRequired else { return error }
    return ACMEError(
      authority.name,
      "wants an account made with it before: get a key ID and a MAC key from its website and set "
        + "them as the external account of this authority (\(error.problem))",
      document: error.document)
  }

  /// Sends, and sends again with the nonce of the answer while that is all that is wrong.
  private func send(
    _ url: String, _ payload: [UInt8], signer: JWS.Signer, accept: String
  ) throws(ACMEError) -> HTTPSResponse {
    let place = try SecureURL(url)
    let key = try key()
    for attempt in 0...Self.nonceRetryLimit {
      let request = try JWS.request(
        payload, to: url, nonce: try takeNonce(), signer: signer, key: key)
      let response = try http.post(
        place, request, type: "application/jose+json", accept: accept)
      keepNonce(of: response)
      if (200..<300).contains(response.status) { return response }
      let error = Self.refusal(response, url)
      guard error.document?.type == ProblemDocument.badNonce, attempt < Self.nonceRetryLimit else {
        throw error
      }
      refusedNonces += 1
    }
    throw ACMEError(url, "refused \(Self.nonceRetryLimit) nonces")
  }

  private func takeNonce() throws(ACMEError) -> String {
    if let nonce {
      self.nonce = nil
      return nonce
    }
    let response = try http.head(try SecureURL(directory.newNonce))
    try Self.require(response, [200, 204], directory.newNonce)
    keepNonce(of: response)
    guard let fresh = nonce else { throw ACMEError(directory.newNonce, "gave no nonce") }
    nonce = nil
    return fresh
  }

  private func keepNonce(of response: HTTPSResponse) {
    // Signed as it is, so it is one of the letters the standard allows or it is none.
    guard let text = response["replay-nonce"], !text.isEmpty,
      text.utf8.allSatisfy(Base64URL.isLetter)
    else { return }
    nonce = text
  }

  static func require(
    _ response: HTTPSResponse, _ allowed: Set<Int>, _ url: String
  ) throws(ACMEError) {
    guard !allowed.contains(response.status) else { return }
    throw refusal(response, url)
  }

  static func refusal(_ response: HTTPSResponse, _ url: String) -> ACMEError {
    let document = ProblemDocument(json: response.body)
    let said = document.map { "\($0)" } ?? "nothing more"
    var text = "answered \(response.status): \(said)"
    let wait = response.retryAfter()
    if let wait { text += "; it asks to wait \(Int(min(wait, 1e9))) s" }
    return ACMEError(url, text, document: document, retryAfter: wait)
  }
}
