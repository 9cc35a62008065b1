internal import Foundation

/// Why an authority said no (RFC 7807, and RFC 8555, section 6.7).
public struct ProblemDocument: Equatable, Sendable, CustomStringConvertible {
  /// The last part of an ACME type, such as `badNonce`; another type as it is.
  public let type: String
  public let detail: String
  /// What is wrong with single names of an order.
  public let subproblems: [String]

  /// One line: type, detail, and each name's own trouble.
  public var description: String {
    let head = detail.isEmpty ? type : "\(type): \(detail)"
    return subproblems.isEmpty ? head : "\(head) (\(subproblems.joined(separator: "; ")))"
  }

  static let badNonce = "badNonce"
  static let accountDoesNotExist = "accountDoesNotExist"
  static let alreadyReplaced = "alreadyReplaced"
  static let externalAccountRequired = "externalAccountRequired"
  static let rateLimited = "rateLimited"

  private static let prefix = "urn:ietf:params:acme:error:"
  /// An authority's words go to logs and terminals, so they are cut here.
  private static let textLimit = 1_000
  private static let subproblemLimit = 20

  /// The document in an answer's body; nil where there is none.
  init?(json: [UInt8]) {
    guard let found = try? JSONDecoder().decode(Self.self, from: Data(json)) else { return nil }
    self = found
  }

  /// What is said on one line: no control characters, and not without end.
  static func line(_ text: String) -> String {
    let cut = text.prefix(textLimit)
    return String(
      cut.map { $0.unicodeScalars.contains { $0.properties.isControl } ? " " : $0 })
  }
}

extension Unicode.Scalar.Properties {
  fileprivate var isControl: Bool {
    switch generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: true
    default: false
    }
  }
}

extension ProblemDocument: Decodable {
  private enum CodingKeys: CodingKey { case type, detail, subproblems }

  private struct Subproblem: Decodable {
    let type: String?
    let detail: String?
    let identifier: ACMEIdentifier?
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    let type = try fields.decodeIfPresent(String.self, forKey: .type)
    let detail = try fields.decodeIfPresent(String.self, forKey: .detail)
    guard type != nil || detail != nil else {
      throw DecodingError.dataCorruptedError(
        forKey: .type, in: fields, debugDescription: "neither a type nor a detail")
    }
    self.type = Self.name(type ?? "about:blank")
    self.detail = Self.line(detail ?? "")
    let all = (try? fields.decodeIfPresent([Subproblem].self, forKey: .subproblems)) ?? []
    subproblems = all.prefix(Self.subproblemLimit).map { each in
      let name = Self.line(each.identifier?.value ?? "a name")
      return "\(name): \(Self.name(each.type ?? "")) \(Self.line(each.detail ?? ""))"
    }
  }

  private static func name(_ type: String) -> String {
    line(type.hasPrefix(prefix) ? String(type.dropFirst(prefix.count)) : type)
  }
}
