enum HeadOutcome: Equatable {
  case needsMore, head
  case reject(HeadRejection)
}

/// Why a head or a body can't be forwarded; never repaired.
enum HeadRejection: UInt8, Equatable, CaseIterable {
  case badMethod, badTarget, badLineEnd, badVersion, badFieldName, badFieldValue, foldedField
  case missingHost, repeatedHost, badHost, hostMismatch
  case badContentLength, repeatedContentLength, lengthAndCoding, badCoding, codingInHTTP10
  case protectedNomination, unknownExpectation, connectNotServed
  case targetTooLong, headTooLarge, tooManyFields
  case badChunk, chunkExtensionTooLong, badTrailer
  case badStatus
  case requestTimeout

  /// For a request; a response that is rejected is always 502.
  var status: UInt16 {
    switch self {
    case .badVersion: 505
    case .connectNotServed: 405
    case .unknownExpectation: 417
    case .targetTooLong: 414
    case .headTooLarge, .tooManyFields: 431
    case .requestTimeout: 408
    case .badMethod, .badTarget, .badLineEnd, .badFieldName, .badFieldValue, .foldedField,
      .missingHost, .repeatedHost, .badHost, .hostMismatch, .badContentLength,
      .repeatedContentLength, .lengthAndCoding, .badCoding, .codingInHTTP10, .protectedNomination,
      .badChunk, .chunkExtensionTooLong, .badTrailer, .badStatus:
      400
    }
  }

  var reason: StaticString {
    switch self {
    case .badMethod: "the method is not a token"
    case .badTarget: "the target has a byte that must be encoded, or a form that is not served"
    case .badLineEnd: "a line does not end with CR LF"
    case .badVersion: "the version is neither HTTP/1.1 nor HTTP/1.0"
    case .badFieldName: "a field name is empty or has a byte that no name may have"
    case .badFieldValue: "a field value has a control byte"
    case .foldedField: "a field is continued on a second line"
    case .missingHost: "Host is missing"
    case .repeatedHost: "Host is there twice"
    case .badHost: "Host is no host name or address"
    case .hostMismatch: "Host is not the host of the target"
    case .badContentLength: "Content-Length is not a number"
    case .repeatedContentLength: "Content-Length is there twice"
    case .lengthAndCoding: "Content-Length and Transfer-Encoding are both there"
    case .badCoding: "Transfer-Encoding is not exactly chunked"
    case .codingInHTTP10: "Transfer-Encoding in HTTP/1.0"
    case .protectedNomination: "Connection names a field that must not be dropped"
    case .unknownExpectation: "Expect is not 100-continue"
    case .connectNotServed: "CONNECT is not served here"
    case .targetTooLong: "the target is too long"
    case .headTooLarge: "the head is too large"
    case .tooManyFields: "there are too many fields"
    case .badChunk: "a chunk is malformed"
    case .chunkExtensionTooLong: "the chunk extensions are too long"
    case .badTrailer: "a trailer is malformed or too large"
    case .badStatus: "the status is not one that can be forwarded here"
    case .requestTimeout: "the request did not arrive in time"
    }
  }
}
