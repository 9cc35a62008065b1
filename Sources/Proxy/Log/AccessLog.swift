internal import Glibc

/// The access log as one generation writes it: its queue, and every name escaped already.
final class AccessLog {
  let plan: ProxyConfiguration.AccessLog
  let queue: LogQueue
  let node: [UInt8]
  let listeners: [[UInt8]]
  let routes: [[UInt8]]
  let backends: [[UInt8]]
  /// Of all backends, one after the other.
  let servers: [[UInt8]]
  let isTLS: [Bool]
  let revision: [UInt8]
  /// ` host gatehouse[pid]: `, where a file's line begins as syslog would have it.
  let tag: [UInt8]

  private let sink: LogSink?

  convenience init(_ sink: LogSink, _ configuration: ProxyConfiguration) {
    self.init(sink.plan, sink.queue, configuration, sink: sink)
  }

  init(
    _ plan: ProxyConfiguration.AccessLog, _ queue: LogQueue, _ configuration: ProxyConfiguration,
    sink: LogSink? = nil
  ) {
    self.plan = plan
    self.queue = queue
    self.sink = sink
    let format = plan.format
    node = LogText.name(LogText.hostName, format)
    listeners = configuration.listeners.map { LogText.name($0.name, format) }
    isTLS = configuration.listeners.map { $0.tls != nil }
    routes = configuration.routes.map { LogText.name($0.name, format) }
    backends = configuration.backends.map { LogText.name($0.name, format) }
    servers = configuration.backends.flatMap { $0.servers.map { LogText.name($0.name, format) } }
    revision = LogText.name(configuration.policyRevision, format)
    let host = LogText.hostName
    tag = Array(" \(host.isEmpty ? "localhost" : host) gatehouse[\(getpid())]: ".utf8)
  }

  /// Writes one whole line; there is room for `LogLine.limit`.
  func write(
    _ exchange: borrowing LoggedExchange, _ note: RequestNote, into output: inout OutputSpan<UInt8>
  ) {
    var isPrefixed = false
    switch plan.target {
    case .file, .standardError: isPrefixed = true
    case .journald: putFields(exchange, into: &output)
    case .syslogDatagrams, .syslogStream: break
    }
    switch plan.format {
    case .json: putJSON(exchange, note, into: &output)
    case .httplog: putHTTPLog(exchange, note, isPrefixed: isPrefixed, into: &output)
    case .combined: putCombined(exchange, note, into: &output)
    }
    output.append(LogLine.end)
  }

  /// Fields that the journal can be asked for.
  private func putFields(_ exchange: borrowing LoggedExchange, into output: inout OutputSpan<UInt8>)
  {
    // Warning, or informational.
    output.put(exchange.status >= 500 ? "PRIORITY=4" : "PRIORITY=6")
    output.append(LogEnvelope.fieldEnd)
    output.put("GATEHOUSE_STATUS=")
    output.put(decimal: exchange.status)
    output.append(LogEnvelope.fieldEnd)
    output.put("GATEHOUSE_TERM=")
    output.put(exchange.ending.state)
    output.append(LogEnvelope.fieldEnd)
    output.put("GATEHOUSE_LISTENER=")
    put(exchange.listener, listeners, into: &output)
    output.append(LogEnvelope.fieldEnd)
    output.put("GATEHOUSE_BACKEND=")
    put(exchange.backend, backends, into: &output)
    output.append(LogEnvelope.fieldEnd)
    output.put("GATEHOUSE_REQUEST_ID=")
    exchange.requestID.write(into: &output)
    output.append(LogEnvelope.fieldEnd)
    output.put("MESSAGE=")
  }

  func put(_ index: Int?, _ names: [[UInt8]], into output: inout OutputSpan<UInt8>) {
    guard let index, names.indices.contains(index) else { return }
    output.put(names[index])
  }
}
