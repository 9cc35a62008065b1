internal import Foundation

extension Metrics {
  func addCertificates(_ text: inout MetricText) {
    let all = status.certificates
    func labels(_ one: Status.Certificate) -> MetricText.Labels {
      [("listener", one.listener), ("name", one.name), ("keytype", one.keyType ?? "")]
    }
    text.family(
      "gatehouse_cert_not_after_seconds", .gauge,
      "When the certificate that is served expires, in seconds since 1970."
    ) {
      all.compactMap { one in
        guard one.state != .refused, let end = one.notAfter else { return nil }
        return (labels(one), end.timeIntervalSince1970)
      }
    }
    text.family(
      "gatehouse_cert_life_left_ratio", .gauge,
      "What is left of its life: 1 when new, 0 or less when expired."
    ) {
      all.compactMap { one in
        guard one.state != .refused, let left = one.lifeLeft else { return nil }
        return (labels(one), left)
      }
    }
    text.family(
      "gatehouse_cert_refused", .gauge,
      "1 where a newer certificate, or the only one, was stopped at a gate."
    ) { all.map { (labels($0), $0.state == .refused || $0.state == .kept ? 1 : 0) } }
    text.family(
      "gatehouse_cert_next_renewal_seconds", .gauge,
      "When a certificate of an authority is renewed, in seconds since 1970."
    ) {
      status.renewals.map {
        ([("name", $0.certificate)], $0.renewsAt.timeIntervalSince1970)
      }
    }
    text.family(
      "gatehouse_cert_renewal_failures", .gauge,
      "Attempts to renew it in a row that came to nothing."
    ) { status.renewals.map { ([("name", $0.certificate)], Double($0.failures)) } }
  }
}
