internal import Foundation
internal import Proxy

/// What is told, as it happens, to who asked for `GET /v1/events/stream`.
extension Supervisor {
  /// How often the status is told while anybody listens, and how often that the line is alive.
  static let statusInterval = 1.0
  static let heartbeatInterval = 15.0

  /// The answer that begins it: the status as it is now.
  func eventStream() -> LocalResponse {
    var body = Array("retry: 2000\n\n".utf8)
    if let status = try? jsonText(status()) { body += Self.event("status", json: status) }
    var response = LocalResponse(status: 200, contentType: "text/event-stream", body: body)
    // nginx in front would collect it.
    response.fields = [LocalField("X-Accel-Buffering", "no")]
    response.isEventStream = true
    return response
  }

  /// Somebody listens; else there is nothing to make.
  var hasAudience: Bool { door.audience + adminAudience > 0 }

  /// Tells all who listen; `json` may have many lines.
  func publish(event: String, json: @autoclosure () -> String) {
    guard hasAudience else { return }
    publish(Self.event(event, json: json()))
  }

  func publishStatus() {
    guard hasAudience, let status = try? jsonText(status()) else { return }
    publish(event: "status", json: status)
  }

  /// From now on each event is told to all who listen, too.
  func tellEvents() {
    events.tell { [weak self] event in
      if let self, let text = try? jsonText(event) { publish(event: "event", json: text) }
    }
  }

  /// The second of traffic that has just ended, the next one of `/v1/history`.
  func publishMoment() {
    guard hasAudience, let moment = history.moments.last, let text = try? jsonText(moment) else {
      return
    }
    publish(event: "moment", json: text)
  }

  func publishHeartbeat() {
    if hasAudience { publish(Array(": still here\n\n".utf8)) }
  }

  /// As HTML, section 9.2.6, has it: a line of data for each line.
  static func event(_ name: String, json: String) -> [UInt8] {
    var text = "event: \(name)\n"
    // Not at other line ends, such as U+2028: within a text of JSON they are part of it.
    for line in json.split(whereSeparator: { $0 == "\n" || $0 == "\r" || $0 == "\r\n" }) {
      text += "data: \(line)\n"
    }
    return Array((text + "\n").utf8)
  }
}
