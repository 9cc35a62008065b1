/// What is noted of a request whose trace is followed; made only where the file asks for tracing.
final class TraceRecord {
  struct Try {
    let span: UInt64
    /// Index into the servers of the snapshot that the try was made under.
    let server: String
    let address: String
    let began: Int64
    var ended: Int64 = 0
    var ending: Ending?
  }

  let trace: RequestID
  /// The span of whoever asks; nil where the trace begins here.
  let parent: UInt64?
  let span: UInt64
  let isSampled: Bool
  var method = ""
  var host = ""
  var path = ""
  var tries: [Try] = []

  init(trace: RequestID, parent: UInt64?, span: UInt64, isSampled: Bool) {
    self.trace = trace
    self.parent = parent
    self.span = span
    self.isSampled = isSampled
  }

  /// More than a request is ever given to.
  static let tryLimit = 16

  func begin(_ one: Try) {
    guard tries.count < Self.tryLimit else { return }
    tries.append(one)
  }

  func end(_ ending: Ending, at now: Int64) {
    guard let last = tries.indices.last, tries[last].ended == 0 else { return }
    tries[last].ended = now
    tries[last].ending = ending
  }
}

/// A request that is over, and each try to have a server answer it.
public struct FinishedTrace: Sendable, Equatable {
  public struct Try: Sendable, Equatable {
    /// 16 hexadecimal digits, as of all spans.
    public let span: String
    public let server: String
    public let address: String
    /// In nanoseconds since 1970, as of all times.
    public let began: Int64
    public let ended: Int64
    /// Nil where the server answered.
    public let failure: String?
  }

  /// 32 hexadecimal digits.
  public let trace: String
  public let parent: String?
  public let span: String
  public let requestID: String
  public let began: Int64
  public let ended: Int64
  public let client: String
  public let listener: String
  public let isTLS: Bool
  public let method: String
  public let host: String
  /// With the query.
  public let path: String
  public let route: String?
  public let backend: String?
  /// 0 where the client got none.
  public let status: UInt16
  public let ending: Ending
  public let tries: [Try]
}
