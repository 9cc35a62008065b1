/// A line of JSON; the names of its fields are a promise.
extension AccessLog {
  func putJSON(
    _ exchange: borrowing LoggedExchange, _ note: RequestNote, into output: inout OutputSpan<UInt8>
  ) {
    output.put("{\"ts\":\"")
    CivilTime(unixMilliseconds: exchange.endedAt).write(into: &output)
    output.put("\",\"node\":\"")
    output.put(node)
    output.put("\",\"listener\":\"")
    put(exchange.listener, listeners, into: &output)
    output.put("\",\"route\":\"")
    put(exchange.route, routes, into: &output)
    output.put("\",\"backend\":\"")
    put(exchange.backend, backends, into: &output)
    output.put("\",\"server\":\"")
    put(exchange.server, servers, into: &output)
    output.put("\",\"client_ip\":\"")
    exchange.client.write(into: &output)
    output.put("\",\"client_port\":")
    output.put(decimal: exchange.port)
    output.put(",\"method\":\"")
    output.putJSON(note.method)
    output.put("\",\"host\":\"")
    output.putJSON(note.host)
    output.put("\",\"path\":\"")
    output.putJSON(note.path)
    output.put("\",\"proto\":\"")
    output.put(protocolName(exchange, note))
    output.put("\",\"status\":")
    output.put(decimal: exchange.status)
    output.put(",\"bytes_in\":")
    output.put(decimal: exchange.bytesIn)
    output.put(",\"bytes_out\":")
    output.put(decimal: exchange.bytesOut)
    putTimes(exchange, into: &output)
    output.put(",\"term\":\"")
    output.put(exchange.ending.state)
    output.put("\",\"term_reason\":\"")
    output.put(exchange.reason)
    output.put("\",\"retries\":")
    output.put(decimal: exchange.retries)
    putTLS(exchange, into: &output)
    putPolicy(exchange, into: &output)
    output.put(",\"trace_id\":\"")
    if exchange.traceID != RequestID() { exchange.traceID.write(into: &output) }
    output.put("\",\"req_id\":\"")
    exchange.requestID.write(into: &output)
    output.put("\"}")
  }

  /// What was not reached is left out: an average over -1 would lie.
  private func putTimes(_ exchange: borrowing LoggedExchange, into output: inout OutputSpan<UInt8>)
  {
    output.put(",\"t\":{\"req_ms\":")
    output.put(milliseconds: exchange.reqMicros)
    if let queue = exchange.queueMicros {
      output.put(",\"queue_ms\":")
      output.put(milliseconds: queue)
    }
    if let connect = exchange.connectMicros {
      output.put(",\"connect_ms\":")
      output.put(milliseconds: connect)
    }
    if let firstByte = exchange.firstByteMicros {
      output.put(",\"ttfb_ms\":")
      output.put(milliseconds: firstByte)
    }
    output.put(",\"total_ms\":")
    output.put(milliseconds: exchange.totalMicros)
    output.put("}")
  }

  private func putTLS(_ exchange: borrowing LoggedExchange, into output: inout OutputSpan<UInt8>) {
    guard let tls = exchange.tls else { return }
    output.put(",\"tls\":{\"version\":\"")
    output.put(tls.version)
    output.put("\",\"cipher\":\"")
    tls.cipher.write(into: &output)
    output.put("\",\"sni\":\"")
    let name = tls.serverName.span
    output.putJSON(name.extracting(0..<min(name.count, LogLine.serverNameLimit)))
    output.put("\",\"resumed\":")
    output.put(tls.isResumed ? "true" : "false")
    output.put(",\"client_cn\":\"")
    let client = tls.clientName.span
    output.putJSON(client.extracting(0..<min(client.count, LogLine.clientNameLimit)))
    output.put("\"}")
  }

  private func putPolicy(_ exchange: borrowing LoggedExchange, into output: inout OutputSpan<UInt8>)
  {
    let judgement = exchange.judgement
    output.put(",\"policy\":{\"verdict\":\"")
    switch judgement.verdict {
    case .none: return output.put("none\",\"rule\":\"\",\"revision\":\"\"}")
    case .allow: output.put("allow")
    case .deny: output.put("deny")
    case .audit: output.put("audit")
    }
    output.put("\",\"rule\":\"")
    switch judgement.rule {
    case .connection: output.put("connection")
    case .others: output.put("others")
    case .ban: output.put("ban")
    case .unreadable: output.put("unreadable X-Forwarded-For")
    case .rule(let index):
      if let access = judgement.access, access.rules.indices.contains(index) {
        output.put(access.rules[index].logName)
      }
    }
    output.put("\",\"revision\":\"")
    output.put(revision)
    output.put("\"}")
  }

  private func protocolName(
    _ exchange: borrowing LoggedExchange, _ note: RequestNote
  ) -> StaticString {
    if exchange.isStream { return "TCP" }
    return note.isEmpty ? "" : note.isHTTP10 ? "HTTP/1.0" : "HTTP/1.1"
  }
}
