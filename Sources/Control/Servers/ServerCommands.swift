public import Proxy

/// The body of `PATCH /v1/servers/BACKEND/SERVER`: what is to change.
public struct ServerChange: Codable, Sendable {
  /// `20` or `"50%"`.
  public var weight: WeightChange?
  public var state: ServerStanding.State?
  public var terms: ChangeTerms

  public init(
    weight: WeightChange? = nil, state: ServerStanding.State? = nil,
    terms: ChangeTerms = ChangeTerms()
  ) {
    self.weight = weight
    self.state = state
    self.terms = terms
  }

  private enum Keys: String, CodingKey { case weight, state }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Keys.self)
    terms = try ChangeTerms(from: decoder)
    state = try values.decodeIfPresent(ServerStanding.State.self, forKey: .state)
    guard values.contains(.weight) else { return }
    let number = try? values.decode(Int.self, forKey: .weight)
    let text = try number.map(String.init) ?? values.decode(String.self, forKey: .weight)
    guard let weight = WeightChange(text) else {
      throw DecodingError.dataCorruptedError(
        forKey: .weight, in: values,
        debugDescription: "weight \(text) is not \(WeightChange.allowed)")
    }
    self.weight = weight
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Keys.self)
    try values.encodeIfPresent(weight?.text, forKey: .weight)
    try values.encodeIfPresent(state, forKey: .state)
    try terms.encode(to: encoder)
  }
}

/// For how long, and why.
public struct ChangeTerms: Codable, Sendable {
  static let longest: UInt64 = 366 * 86_400
  static let reasonLimit = 500

  /// Until it is cleared when nil.
  public var seconds: UInt64?
  public var reason: String?

  public init(seconds: UInt64? = nil, reason: String? = nil) {
    self.seconds = seconds
    self.reason = reason
  }

  func check() throws(ServerRefusal) {
    if let seconds, !(1...Self.longest).contains(seconds) {
      throw ServerRefusal(400, "seconds \(seconds) is not within 1 to \(Self.longest)")
    }
    if let reason, reason.utf8.count > Self.reasonLimit {
      throw ServerRefusal(400, "the reason is longer than \(Self.reasonLimit) bytes")
    }
  }
}

/// The body of `POST /v1/servers/BACKEND/SERVER`.
public struct ServerAddition: Codable, Sendable {
  public var address: String
  public var weight: Int?
  public var tier: Int?
  public var role: ServerRole?
  public var seconds: UInt64?
  public var reason: String?

  public init(
    address: String, weight: Int? = nil, tier: Int? = nil, role: ServerRole? = nil,
    terms: ChangeTerms = ChangeTerms()
  ) {
    self.address = address
    self.weight = weight
    self.tier = tier
    self.role = role
    seconds = terms.seconds
    reason = terms.reason
  }

  var terms: ChangeTerms { ChangeTerms(seconds: seconds, reason: reason) }
}
