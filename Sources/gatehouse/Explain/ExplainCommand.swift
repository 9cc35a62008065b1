import ArgumentParser
import Configuration
import Control
import Foundation

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "What a termination state, a status or a request of the log means.",
    discussion: """
      EXAMPLES
        gatehouse explain sH                          two letters of the access log
        gatehouse explain 503                         why the proxy answers so
        gatehouse explain timeout                     or refused, reset, alert
        gatehouse explain 4f0c9a6de0f14c1f9d8c6f4b2a7e5d31
                                                      a request id, or a trace id
        gatehouse explain 203.0.113.9 https://www.example.com/
                                                      as `gatehouse why`

      A request id stands in X-Request-ID, in the proxy's own answers, and in the
      access log, which is read from its end: `log.to` of the file, or --log.

      Exit code 0: explained. 1: the log does not have it, or (with an address)
      it is refused. 2: nothing of that kind is known.
      """)

  @Argument(help: "A state, a status, a word, a request id, or an address and a URL.")
  var what: [String]

  @Option(help: "The access log; `log.to` of the configuration file when left out.")
  var log: String?

  @OptionGroup var options: SocketOptions
  @OptionGroup var state: StoreOption

  func run() throws {
    guard what.count == 1, let word = what.first else { return try explainAddress() }
    if let known = WordExplanation(of: word) {
      return print(options.json ? try jsonText(known) : WordText.text(of: known))
    }
    let id = word.lowercased()
    guard id.utf8.count == 32, id.allSatisfy(\.isHexDigit) else {
      let guess = WordExplanation.nearest(to: word).map { "; did you mean \"\($0)\"?" } ?? ""
      throw CommandFailure(
        "\"\(AuditText.visible(word))\" is nothing that is known\(guess.isEmpty ? ";" : "\(guess)") "
          + "allowed: \(WordExplanation.allowed)"
      )
    }
    try explainRequest(id)
  }

  private func explainAddress() throws {
    let question = try WhyQuestion.parse(what)
    let explanation = try question.explain(options, state.store)
    print(options.json ? try jsonText(explanation) : ExplanationText.text(of: explanation))
    if !explanation.isServed { throw ExitCode.no }
  }

  // MARK: A request of the log

  private struct Result: Encodable {
    let request: LoggedRequest
    let meaning: WordExplanation.Meaning?
    let now: Explanation?
    let nowTrouble: String?
  }

  private func explainRequest(_ id: String) throws {
    let path = try logPath()
    switch AccessLogSearch(path: path).line(with: "\"\(id)\"") {
    case .unreadable(let why):
      throw CommandFailure("\(why); name the access log with --log FILE")
    case .notFound(let bytes):
      throw CommandFailure(
        "no request \(id) in the last \(bytes) bytes of \(path) and \(path).1; "
          + "only a log of `format: json` has ids", code: .no)
    case .found(let line):
      guard let request = LoggedRequest(line: line) else {
        throw CommandFailure("the line of \(id) in \(path) is no JSON")
      }
      let (now, trouble) = now(request)
      let result = Result(
        request: request, meaning: request.meaning, now: now, nowTrouble: trouble)
      print(
        options.json
          ? try jsonText(result) : RequestText.text(of: request, id, now: now, trouble: trouble))
    }
  }

  private func logPath() throws -> String {
    if let log { return log }
    let config = try options.config ?? running() ?? ConfigurationOption.standard
    guard FileManager.default.isReadableFile(atPath: config) else {
      throw CommandFailure(
        "cannot read \(config); name the access log with --log FILE, or the configuration with -c"
      )
    }
    let places = ConfigurationPlaces(reading: config)
    guard let to = places.text("log", "to") else {
      throw CommandFailure("\(config) names no file in `log.to`; name one with --log FILE")
    }
    let path = to.hasPrefix("file:") ? String(to.dropFirst(5)) : to
    let format = places.text("log", "format") ?? "json"
    guard format == "json" else {
      throw CommandFailure(
        "the log of \(config) is of `format: \(format)`, which has no ids; only `json` has them")
    }
    let others = ["stderr", "journald", "syslog:", "journald:"]
    guard !others.contains(where: { $0.hasSuffix(":") ? path.hasPrefix($0) : path == $0 }) else {
      throw CommandFailure(
        "`log.to` of \(config) is \(to), which can't be read back; save it to a file, as with: "
          + "journalctl -u gatehouse -o cat > FILE, and name that with --log FILE")
    }
    return places.resolved(path)
  }

  /// The file of the process that runs; nil where none does.
  private func running() throws -> String? {
    try? AdminClient(socket: options.explainedSocket()).status().configurationPath
  }

  /// What `why` says of it now; or why it can't be asked.
  private func now(_ request: LoggedRequest) -> (Explanation?, String?) {
    guard let client = request.clientIP, let url = request.url(port: nil) else { return (nil, nil) }
    var words = [client, url]
    if let name = request.listener { words += ["--listener", name] }
    if let method = request.method { words += ["--method", method] }
    do {
      return (try WhyQuestion.parse(words).explanation(options, state.store), nil)
    } catch {
      return (nil, (error as? ConfigurationErrors)?.lines.joined(separator: "\n") ?? "\(error)")
    }
  }
}
