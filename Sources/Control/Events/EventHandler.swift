internal import Logging

/// Writes each line to the log as ever, and notes those that are more than informative in the book.
///
/// Its one seam with all who log: each part of the process gets a logger `of` its kind, and says in
/// `about` what a line is about, and who did it.
struct EventHandler: LogHandler {
  private static let kindKey = "event"
  fileprivate static let subjectKey = "subject"
  fileprivate static let byKey = "by"

  private var log: any LogHandler
  private let book: EventBook

  init(_ log: any LogHandler, _ book: EventBook) {
    self.log = log
    self.book = book
  }

  var metadata: Logger.Metadata {
    get { log.metadata }
    set { log.metadata = newValue }
  }

  var logLevel: Logger.Level {
    get { log.logLevel }
    set { log.logLevel = newValue }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { log[metadataKey: key] }
    set { log[metadataKey: key] = newValue }
  }

  func log(event: LogEvent) {
    log.log(event: event)
    guard event.level >= .notice else { return }
    let severity: Event.Severity =
      event.level >= .error ? .error : event.level >= .warning ? .warning : .info
    func said(_ key: String) -> String? { (event.metadata?[key] ?? metadata[key]).map { "\($0)" } }
    let kind = said(Self.kindKey).flatMap(Event.Kind.init(rawValue:))
    book.note(
      kind ?? (severity == .info ? .process : .trouble), said(Self.subjectKey) ?? "",
      "\(event.message)", severity, by: said(Self.byKey))
  }

  fileprivate static func mark(_ logger: inout Logger, _ kind: Event.Kind) {
    logger[metadataKey: kindKey] = "\(kind.rawValue)"
  }
}

extension Logger {
  /// The same, whose lines are events in this book, too.
  func noting(in book: EventBook) -> Logger {
    Logger(label: label) { _ in EventHandler(handler, book) }
  }

  /// The same for events of one kind.
  func of(_ kind: Event.Kind) -> Logger {
    var logger = self
    EventHandler.mark(&logger, kind)
    return logger
  }
}

extension Logger.Metadata {
  /// What a line is about, and who did it.
  static func about(_ subject: some CustomStringConvertible, by: String? = nil) -> Logger.Metadata {
    var all: Logger.Metadata = [EventHandler.subjectKey: "\(subject)"]
    if let by { all[EventHandler.byKey] = "\(by)" }
    return all
  }
}
