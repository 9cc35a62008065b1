import Testing

@testable import Proxy

@Suite(.timeLimit(.minutes(2)))
struct HealthTLSTests {
  private static func tls(
    _ certificate: TestCertificate?, name: String = "a.test"
  ) -> ProxyConfiguration.UpstreamTLS {
    var tls = ProxyConfiguration.UpstreamTLS(serverName: name)
    tls.authoritiesPEM = certificate?.pem
    return tls
  }

  static let checks: [(behaviour: String, check: ProxyConfiguration.Health.Check, text: String)] = [
    ("http", .http(.init(path: "/")), "200"), ("grpc", .grpc(service: ""), "SERVING"),
    ("http", .tls, "TLS handshake"),
  ]

  @Test(arguments: checks.indices)
  func `a check over TLS verifies as the backend does`(_ index: Int) throws {
    let certificate = try TestCertificate()
    let (behaviour, check, text) = Self.checks[index]
    let server = try ProbedServer(behaviour, certificate.certificate, certificate.key)
    var backend = Watch.backend(server.port, check)
    backend.tls = Self.tls(certificate)
    let good = try Watch().first(backend)
    #expect(good.isLastGood && good.lastResult.hasPrefix(text + " in "), "\(good.lastResult)")
    backend.tls = Self.tls(certificate, name: "b.test")
    let otherName = try Watch().first(backend).lastResult
    #expect(otherName == "TLS: hostname mismatch")
    backend.tls = Self.tls(nil)
    let unknown = try Watch().first(backend).lastResult
    #expect(unknown == "TLS: self-signed certificate")
  }

  @Test func `an expired certificate is named`() throws {
    let certificate = try TestCertificate(isExpired: true)
    let server = try ProbedServer("http", certificate.certificate, certificate.key)
    var backend = Watch.backend(server.port, .tls)
    backend.tls = Self.tls(certificate)
    #expect(try Watch().first(backend).lastResult == "TLS: certificate has expired")
  }

  @Test func `a backend that verifies nothing needs no name`() throws {
    let certificate = try TestCertificate(isExpired: true)
    let server = try ProbedServer("http", certificate.certificate, certificate.key)
    var backend = Watch.backend(server.port, .http(.init(path: "/")))
    backend.tls = Self.tls(nil, name: "")
    backend.tls?.verify = false
    let report = try Watch().first(backend)
    #expect(report.lastResult.hasPrefix("200 in "), "\(report.lastResult)")
  }
}
