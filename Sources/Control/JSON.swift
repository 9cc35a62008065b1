internal import Foundation

/// One way to write and read data as JSON: indented, keys in order and in snake_case, times as
/// RFC 3339.
public func jsonText(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.dateEncodingStrategy = .iso8601
  encoder.keyEncodingStrategy = .convertToSnakeCase
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}

/// What is wrong with a file of JSON that this program once wrote, without Swift's words.
func damageText(_ error: any Error) -> String {
  func place(_ context: DecodingError.Context, _ key: (any CodingKey)? = nil) -> String {
    let keys = (context.codingPath + [key].compactMap(\.self)).map(\.stringValue)
    return keys.isEmpty ? "the whole of it" : keys.joined(separator: ".")
  }
  return switch error as? DecodingError {
  case .keyNotFound(let key, let context): "\(place(context, key)) is missing"
  case .valueNotFound(_, let context): "\(place(context)) is null"
  case .typeMismatch(_, let context): "\(place(context)) is of another kind than it was written"
  case .dataCorrupted(let context) where context.codingPath.isEmpty: "it is no JSON"
  case .dataCorrupted(let context): "\(place(context)): \(context.debugDescription)"
  case nil: "\(error)"
  @unknown default: "it is no JSON"
  }
}

func readJSON<Value: Decodable>(_ type: Value.Type, _ text: Data) throws -> Value {
  let decoder = JSONDecoder()
  decoder.dateDecodingStrategy = .iso8601
  decoder.keyDecodingStrategy = .convertFromSnakeCase
  return try decoder.decode(type, from: text)
}
