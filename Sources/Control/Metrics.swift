internal import Foundation

/// What `GET /metrics` says, in Prometheus's text format (version 0.0.4).
enum Metrics {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  static func text(of status: Status, now: Date) -> String {
    var text = MetricText()
    let traffic = status.traffic
    text.family("gatehouse_tls_handshakes_total", "counter", "TLS handshakes, by outcome.") {
      [
        ([("result", "full")], Double(traffic.handshakes &- traffic.handshakesResumed)),
        ([("result", "resumed")], Double(traffic.handshakesResumed)),
        ([("result", "failed")], Double(traffic.handshakeFailures)),
      ]
    }
    certificates(status.certificates, now, &text)
    renewals(status.renewals, &text)
    servers(status, &text)
    names(status.names, &text)
    return text.text
  }

  private static func certificates(
    _ all: [Status.Certificate], _ now: Date, _ text: inout MetricText
  ) {
    func labels(_ one: Status.Certificate) -> [(String, String)] {
      [("listener", one.listener), ("name", one.name), ("keytype", one.keyType ?? "")]
    }
    text.family(
      "gatehouse_cert_not_after_seconds", "gauge",
      "When the certificate that is served expires, in seconds since 1970."
    ) {
      all.compactMap { one in
        guard one.state != .refused, let end = one.notAfter else { return nil }
        return (labels(one), end.timeIntervalSince1970)
      }
    }
    text.family(
      "gatehouse_cert_life_left_ratio", "gauge",
      "What is left of its life: 1 when new, 0 or less when expired."
    ) {
      all.compactMap { one in
        guard one.state != .refused, let left = one.lifeLeft else { return nil }
        return (labels(one), left)
      }
    }
    text.family(
      "gatehouse_cert_refused", "gauge",
      "1 where a newer certificate, or the only one, was stopped at a gate."
    ) {
      all.map { (labels($0), $0.state == .refused || $0.state == .kept ? 1 : 0) }
    }
  }
}

extension Metrics {
  private static func names(_ all: [Status.Name], _ text: inout MetricText) {
    text.family(
      "gatehouse_name_resolution_failures_total", "counter",
      "Attempts to resolve a server's name that came to nothing."
    ) { all.map { ([("name", $0.name)], Double($0.failures)) } }
    text.family(
      "gatehouse_name_is_stale", "gauge",
      "1 where a name cannot be resolved and its last addresses are used."
    ) { all.map { ([("name", $0.name)], $0.failure == nil ? 0 : 1) } }
  }

  private static func renewals(_ all: [Status.Renewal], _ text: inout MetricText) {
    text.family(
      "gatehouse_cert_next_renewal_seconds", "gauge",
      "When a certificate of an authority is renewed, in seconds since 1970."
    ) {
      all.map { ([("name", $0.certificate)], $0.renewsAt.timeIntervalSince1970) }
    }
    text.family(
      "gatehouse_cert_renewal_failures", "gauge",
      "Attempts to renew it in a row that came to nothing."
    ) {
      all.map { ([("name", $0.certificate)], Double($0.failures)) }
    }
  }
}

/// Metric families, each with its help and samples.
struct MetricText {
  private(set) var text = ""

  mutating func family(
    _ name: String, _ type: String, _ help: String,
    _ samples: () -> [(labels: [(String, String)], value: Double)]
  ) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    for sample in samples() {
      let labels = sample.labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }
      text += "\(name){\(labels.joined(separator: ","))} \(Self.number(sample.value))\n"
    }
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }
}
