internal import COpenSSL
internal import Foundation

/// One certificate, from the order to its download (RFC 8555, section 7.4).
struct CertificateOrder {
  /// How long an authority may take to validate all names.
  static let validationLimit = Duration.seconds(180)
  /// How long it may take to sign.
  static let signingLimit = Duration.seconds(180)
  static let nameLimit = 100
  private static let alternateLimit = 8
  private static let pemType = "application/pem-certificate-chain"

  let client: ACMEClient
  let planned: PlannedCertificate
  let publisher: any ChallengePublisher

  /// The chain in PEM for a key; `replaces` is the identifier of the certificate this one follows.
  func chain(for key: PrivateKey, replaces: String?) throws(ACMEError) -> [UInt8] {
    guard (1...Self.nameLimit).contains(planned.names.count) else {
      throw ACMEError(
        planned.name, "\(planned.names.count) names; a certificate has 1 to \(Self.nameLimit)")
    }
    let (url, order) = try open(replaces: replaces)
    try authorize(order)
    let ready = try poll(url, ACMEOrder.self, "order", Self.validationLimit) { found in
      found.status == .pending ? .waiting : .done
    }
    guard ready.status != .invalid else { throw refusal(of: ready) }
    let request = try ACMEError.wrapping { () throws(CertificateError) -> [UInt8] in
      try CertificateRequest.make(for: planned.names, key: key)
    }
    let payload = "{\"csr\":\"\(Base64URL.text(request))\"}"
    _ = try client.post(order.finalize, Array(payload.utf8))
    let finished = try poll(url, ACMEOrder.self, "order", Self.signingLimit) { found in
      [.processing, .pending, .ready].contains(found.status) ? .waiting : .done
    }
    guard finished.status == .valid, let place = finished.certificate else {
      throw refusal(of: finished)
    }
    return try download(place)
  }

  private func open(replaces: String?) throws(ACMEError) -> (url: String, order: ACMEOrder) {
    do throws(ACMEError) { return try place(replaces: replaces) } catch {
      guard replaces != nil, error.document?.type == ProblemDocument.alreadyReplaced else {
        throw error
      }
      // Another order followed that certificate; this one then follows none (RFC 9773, section 5).
      return try place(replaces: nil)
    }
  }

  private func place(replaces: String?) throws(ACMEError) -> (url: String, order: ACMEOrder) {
    let names = planned.names.map { name in
      let identifier = ACMEIdentifier(name)
      return #"{"type":"\#(identifier.type)","value":\#(JWS.quoted(identifier.value))}"#
    }
    var payload = "\"identifiers\":[\(names.joined(separator: ","))]"
    if let replaces { payload += ",\"replaces\":\(JWS.quoted(replaces))" }
    let response = try client.post(client.directory.newOrder, Array("{\(payload)}".utf8))
    guard let url = response["location"] else {
      throw ACMEError(client.authority.name, "took an order and did not say where it is")
    }
    let order = try response.decoded(ACMEOrder.self, "order", from: client.directory.newOrder)
    guard order.authorizations.count <= Self.nameLimit else {
      throw ACMEError(client.authority.name, "wants more authorizations than there are names")
    }
    if order.status == .invalid { throw refusal(of: order) }
    return (url, order)
  }

  private struct Pending {
    let name: String
    let authorization: String
    let challenge: ACMEChallenge
    let answer: LiveChallenge
  }

  /// Publishes all answers, has them looked at, and takes them away again whatever comes of it.
  private func authorize(_ order: ACMEOrder) throws(ACMEError) {
    var pending: [Pending] = []
    for url in order.authorizations {
      let found = try client.post(url, nil)
        .decoded(ACMEAuthorization.self, "authorization", from: url)
      if found.status == .valid { continue }
      guard found.status == .pending else {
        throw ACMEError(found.name, "its authorization is \(found.status.rawValue)")
      }
      pending.append(try prepared(found, at: url))
    }
    var published: [LiveChallenge] = []
    defer { for answer in published { publisher.withdraw(answer) } }
    for each in pending {
      published.append(each.answer)
      do { try publisher.present(each.answer) } catch {
        throw ACMEError(each.name, "cannot publish the answer to its challenge: \(error)")
      }
    }
    for each in pending { _ = try client.post(each.challenge.url, Array("{}".utf8)) }
    let deadline = Deadline(after: Self.validationLimit)
    for each in pending {
      let found = try poll(each.authorization, ACMEAuthorization.self, "authorization", deadline) {
        $0.status == .pending ? .waiting : .done
      }
      guard found.status == .valid else { throw refusal(of: found, each) }
    }
  }

  private func prepared(
    _ found: ACMEAuthorization, at url: String
  ) throws(ACMEError) -> Pending {
    guard let challenge = found.challenges.first(where: { $0.type == planned.challenge.type })
    else {
      let offered = found.challenges.map { ProblemDocument.line($0.type) }.joined(separator: ", ")
      let why = found.wildcard == true ? "; a wildcard needs dns-01" : ""
      throw ACMEError(
        found.name,
        "\(client.authority.name) does not prove it by \(planned.challenge.type), only by "
          + "\(offered.isEmpty ? "nothing" : offered)\(why)")
    }
    guard planned.names.contains(where: { ACMEIdentifier($0).value == found.name }) else {
      throw ACMEError(
        client.authority.name,
        "wants a proof for \(ProblemDocument.line(found.name)), which was not ordered")
    }
    let answer = try ChallengeAnswer(
      token: challenge.token, key: try client.key(), name: found.name)
    return Pending(
      name: found.name, authorization: url, challenge: challenge,
      answer: try answer.live(planned.challenge, for: found.identifier))
  }

  private func download(_ place: String) throws(ACMEError) -> [UInt8] {
    let first = try client.post(place, nil, accept: Self.pemType)
    guard let wanted = client.authority.preferredChain else { return first.body }
    if Self.top(of: first.body) == wanted { return first.body }
    var seen = [Self.top(of: first.body) ?? "one that cannot be read"]
    for url in first.links("alternate").prefix(Self.alternateLimit) {
      let other = try client.post(url, nil, accept: Self.pemType)
      guard let top = Self.top(of: other.body) else { continue }
      if top == wanted { return other.body }
      seen.append(top)
    }
    client.log(
      "\(planned.name): no chain of \(client.authority.name) ends at \(wanted), so the first one "
        + "is used; there are: \(seen.joined(separator: ", "))")
    return first.body
  }

  /// The common name of the issuer at the top of a chain.
  private static func top(of chain: [UInt8]) -> String? {
    try? X509Certificate.readChain(from: chain, of: "chain").last?.issuerCommonName
  }

  private func refusal(of order: ACMEOrder) -> ACMEError {
    let said = order.error.map { ": \($0)" } ?? ""
    return ACMEError(
      client.authority.name, "the order of \(planned.name) is \(order.status.rawValue)\(said)",
      document: order.error)
  }

  private func refusal(of found: ACMEAuthorization, _ pending: Pending) -> ACMEError {
    let problem = found.challenges.lazy.compactMap(\.error).first
    let said = problem.map { ": \($0)" } ?? " and \(client.authority.name) does not say why"
    return ACMEError(
      pending.name, "\(planned.challenge.type) failed\(said)", document: problem)
  }
}

extension CertificateOrder {
  fileprivate enum Progress { case waiting, done }

  fileprivate func poll<Value: Decodable>(
    _ url: String, _ type: Value.Type, _ what: String, _ limit: Duration,
    _ progress: (Value) -> Progress
  ) throws(ACMEError) -> Value {
    try poll(url, type, what, Deadline(after: limit), progress)
  }

  /// Reads a thing until it is done, as seldom as the authority asks for.
  fileprivate func poll<Value: Decodable>(
    _ url: String, _ type: Value.Type, _ what: String, _ deadline: Deadline,
    _ progress: (Value) -> Progress
  ) throws(ACMEError) -> Value {
    var pause = Duration.milliseconds(100)
    while true {
      let response = try client.post(url, nil)
      let value = try response.decoded(type, what, from: url)
      if progress(value) == .done { return value }
      guard !deadline.isPassed else {
        throw ACMEError(
          client.authority.name, "is not done with the \(what) of \(planned.name) in time")
      }
      pause = min(pause * 2, .seconds(5))
      let asked = response.retryAfter().map { Duration.seconds(min(max($0, 0), 30)) }
      deadline.sleep(max(asked ?? .zero, pause))
    }
  }
}

extension X509Certificate {
  /// The name people know an authority by.
  var issuerCommonName: String? {
    var text = [CChar](repeating: 0, count: 256)
    let count = unsafe X509_NAME_get_text_by_NID(
      X509_get_issuer_name(pointer), NID_commonName, &text, Int32(text.count))
    guard count > 0 else { return nil }
    return String(
      decoding: text.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
