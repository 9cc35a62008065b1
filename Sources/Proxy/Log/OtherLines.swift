/// Lines as other programs write them, for the tools that read those.
extension AccessLog {
  /// HAProxy's `option httplog` (its configuration manual, section 8.2.3), and for what only moves bytes
  /// its `option tcplog` (section 8.2.2); with what syslog puts before a line where nobody else does.
  func putHTTPLog(
    _ exchange: borrowing LoggedExchange, _ note: RequestNote, isPrefixed: Bool,
    into output: inout OutputSpan<UInt8>
  ) {
    if isPrefixed {
      CivilTime(unixMilliseconds: exchange.endedAt).writeSyslog(into: &output)
      output.put(tag)
    }
    exchange.client.write(into: &output)
    output.put(":")
    output.put(decimal: exchange.port)
    output.put(" [")
    let began = CivilTime(unixMilliseconds: exchange.startedAt)
    began.writeCommon(into: &output)
    output.put(".")
    output.put(began.millisecond, digits: 3)
    output.put("] ")
    putPlace(exchange, into: &output)
    putTimers(exchange, into: &output)
    output.put(" ")
    if !exchange.isStream {
      // HAProxy's -1: no status was ever sent.
      if exchange.status > 0 { output.put(decimal: exchange.status) } else { output.put("-1") }
      output.put(" ")
    }
    output.put(decimal: exchange.bytesOut)
    output.put(exchange.isStream ? " " : " - - ")
    output.put(exchange.ending.state)
    // The other two are about HAProxy's cookies.
    output.put(exchange.isStream ? " " : "-- ")
    putLoad(exchange, into: &output)
    guard !exchange.isStream else { return }
    output.put(" \"")
    putRequest(note, into: &output)
    output.put("\"")
  }

  private func putRequest(_ note: RequestNote, into output: inout OutputSpan<UInt8>) {
    guard !note.isEmpty else { return output.put("<BADREQ>") }
    output.putHashed(note.method)
    output.put(" ")
    output.putHashed(note.path, andSpaces: true)
    output.put(note.isHTTP10 ? " HTTP/1.0" : " HTTP/1.1")
  }

  /// ` listener~ backend/server `.
  private func putPlace(_ exchange: borrowing LoggedExchange, into output: inout OutputSpan<UInt8>)
  {
    let isKnown = exchange.listener.map { listeners.indices.contains($0) } ?? false
    let listener = isKnown ? exchange.listener ?? 0 : 0
    func putListener(_ output: inout OutputSpan<UInt8>) {
      if isKnown { output.put(listeners[listener]) } else { output.put("-") }
    }
    putListener(&output)
    if isKnown, isTLS[listener] { output.put("~") }
    output.put(" ")
    if let backend = exchange.backend, backends.indices.contains(backend) {
      output.put(backends[backend])
    } else {
      putListener(&output)
    }
    output.put("/")
    if let server = exchange.server, servers.indices.contains(server) {
      output.put(servers[server])
    } else {
      output.put("<NOSRV>")
    }
    output.put(" ")
  }

  /// TR/Tw/Tc/Tr/Ta, or Tw/Tc/Tt of a stream; -1 for what was not reached.
  private func putTimers(_ exchange: borrowing LoggedExchange, into output: inout OutputSpan<UInt8>)
  {
    func put(_ micros: Int64?, _ output: inout OutputSpan<UInt8>) {
      if let micros { output.put(decimal: micros / 1000) } else { output.put("-1") }
      output.put("/")
    }
    if !exchange.isStream { put(exchange.times.started > 0 ? exchange.reqMicros : nil, &output) }
    put(exchange.queueMicros, &output)
    put(exchange.connectMicros, &output)
    if !exchange.isStream { put(exchange.firstByteMicros, &output) }
    output.put(decimal: exchange.totalMicros / 1000)
  }

  /// actconn/feconn/beconn/srvconn/retries srv_queue/backend_queue, as this worker knows them.
  private func putLoad(_ exchange: borrowing LoggedExchange, into output: inout OutputSpan<UInt8>) {
    let load = exchange.load
    output.put(decimal: load.clients)
    output.put("/")
    output.put(decimal: load.clients)
    output.put("/")
    output.put(decimal: load.backend)
    output.put("/")
    output.put(decimal: load.server)
    output.put("/")
    output.put(decimal: exchange.retries)
    output.put(" 0/")
    output.put(decimal: load.queue)
  }

  /// Apache's and nginx's `combined`; who has logged in is never told.
  func putCombined(
    _ exchange: borrowing LoggedExchange, _ note: RequestNote, into output: inout OutputSpan<UInt8>
  ) {
    exchange.client.write(into: &output)
    output.put(" - - [")
    CivilTime(unixMilliseconds: exchange.endedAt).writeCommon(into: &output)
    output.put(" +0000] \"")
    if !note.isEmpty {
      output.putBackslashed(note.method)
      output.put(" ")
      output.putBackslashed(note.path)
      output.put(note.isHTTP10 ? " HTTP/1.0" : " HTTP/1.1")
    }
    output.put("\" ")
    output.put(Int(exchange.status), digits: 3)
    output.put(" ")
    output.put(decimal: exchange.bytesOut)
    output.put(" \"")
    if note.referer.isEmpty { output.put("-") } else { output.putBackslashed(note.referer) }
    output.put("\" \"")
    if note.agent.isEmpty { output.put("-") } else { output.putBackslashed(note.agent) }
    output.put("\"")
  }
}
