import COpenSSL
import Foundation
import Testing

@testable import Certificates

/// Where a chain may end, and what tells a missing intermediate from a private root.
struct ChainVerdictTests {
  let workshop: Workshop

  init() throws { workshop = try Workshop() }

  private func check(
    _ chain: [UInt8], _ key: [UInt8], publicRoots: [UInt8] = [], privateRoots: [UInt8] = [],
    current: CertificateBundle? = nil
  ) -> GateReport {
    var context = GateContext()
    context.trust = TrustedRoots(publicPEM: publicRoots, privatePEM: privateRoots)
    context.current = current
    return CertificateGates.check(chainPEM: chain, keyPEM: key, name: "x", context: context)
  }

  @Test func `a root may be known, stand in the file, or be left out`() throws {
    let line = try TestLine(workshop)
    let chain = line.leaf + line.middle
    #expect(
      check(chain, line.leafKey, publicRoots: line.root).chainVerdict == .publicRoot("CN=root"))
    #expect(
      check(chain, line.leafKey, privateRoots: line.root).chainVerdict == .privateRoot("CN=root"))
    #expect(check(chain + line.root, line.leafKey).chainVerdict == .privateRoot("CN=root"))
    #expect(check(chain, line.leafKey).chainVerdict == .unknownIssuer("CN=root", isPublic: false))
    #expect(check(chain, line.leafKey).warnings.isEmpty)
  }

  @Test func `a certificate of a private root alone is let in, with a warning`() throws {
    let line = try TestLine(workshop)
    let report = check(line.leaf, line.leafKey)
    #expect(report.chainVerdict == .unknownIssuer("CN=middle", isPublic: false))
    #expect(report.failures.isEmpty)
    #expect(report.warnings.map(\.gate) == [.chainComplete])
    #expect(check(line.leaf, line.leafKey, privateRoots: line.middle).warnings.isEmpty)
  }

  @Test(arguments: [
    (NID_info_access, "caIssuers;URI:http://a.test/i.der", "can be fetched"),
    (NID_certificate_policies, "DER:300a3008060667810c010201", "rules of public authorities"),
  ])
  func `what public authorities write shows that an intermediate is missing`(
    _ number: Int32, _ value: String, _ hint: String
  ) throws {
    let line = try TestLine(workshop, leafExtensions: [(number, value)])
    let report = check(line.leaf, line.leafKey)
    #expect(report.failures.map(\.gate) == [.chainComplete])
    #expect(report.failures.first?.message.contains(hint) == true)
    #expect(check(line.leaf + line.middle, line.leafKey).failures.isEmpty)
  }

  @Test func `the chain that serves shows that an intermediate is missing`() throws {
    let line = try TestLine(workshop)
    let current = try CertificateBundle(
      chainPEM: line.leaf + line.middle, keyPEM: line.leafKey, name: "x")
    let report = check(line.leaf, line.leafKey, current: current)
    #expect(report.failures.map(\.gate) == [.chainComplete])
    #expect(report.failures.first?.message.contains("current version") == true)
  }

  @Test func `a public chain to a root that is not known is let in, with a warning`() throws {
    let policy = (NID_certificate_policies, "DER:300a3008060667810c010201")
    let line = try TestLine(workshop, leafExtensions: [policy])
    let report = check(line.leaf + line.middle, line.leafKey)
    #expect(report.chainVerdict == .unknownIssuer("CN=root", isPublic: true))
    #expect(report.warnings.map(\.gate) == [.chainComplete])
    #expect(report.failures.isEmpty)
  }

  @Test func `only a public chain is asked for logs and a short life`() throws {
    let line = try TestLine(workshop, leafDays: 290)
    let chain = line.leaf + line.middle
    let report = check(chain, line.leafKey, publicRoots: line.root)
    #expect(report.failures.isEmpty)
    #expect(report.warnings.map(\.gate) == [.transparency, .lifetime])
    #expect(check(chain, line.leafKey, privateRoots: line.root).warnings.isEmpty)
  }

  /// `count` signed certificate timestamps, as they stand in a certificate (RFC 6962, section 3.3).
  private func timestamps(_ count: Int) -> String {
    let one = "00" + String(repeating: "00", count: 42) + "0403" + "0008" + "3006020101020101"
    let list = String(repeating: "0037" + one, count: count)
    let size = list.count / 2
    return "DER:04" + String(format: "%02x%04x", size + 2, size) + list
  }

  @Test func `timestamps are counted, and tell a public certificate`() throws {
    for (count, outcome) in [(0, GateResult.Outcome.warning), (1, .warning), (2, .passed)] {
      let logged = count == 0 ? [] : [(NID_ct_precert_scts, timestamps(count))]
      let line = try TestLine(workshop, leafExtensions: logged)
      let report = check(line.leaf + line.middle, line.leafKey, publicRoots: line.root)
      let said = report.results.first { $0.gate == .transparency }
      #expect(said?.outcome == outcome)
      #expect(said?.message.contains("\(count) ") == true)
      let alone = check(line.leaf, line.leafKey)
      #expect(alone.failures.map(\.gate) == (count == 0 ? [] : [.chainComplete]))
    }
  }

  @Test(arguments: [
    ("2026-03-14", 398), ("2026-03-15", 200), ("2027-03-14", 200), ("2027-03-15", 100),
    ("2029-03-14", 100), ("2029-03-15", 47),
  ])
  func `how long browsers accept one depends on when it was made`(
    _ day: String, _ most: Int
  ) throws {
    let start = try Date("\(day)T00:00:00Z", strategy: .iso8601)
    let key = try PrivateKey.generate()
    for (days, outcome) in [(most, GateResult.Outcome.passed), (most + 1, .warning)] {
      let builder = try CertificateBuilder(
        commonName: "a", key: key, from: start, to: start + Double(days) * 86_400)
      let bundle = try CertificateBundle(
        chainPEM: try builder.sign(with: key).pem(), keyPEM: try key.pem(), name: "a")
      #expect(CertificateGates.lifetime(bundle, .publicRoot("CN=a")).outcome == outcome)
      #expect(CertificateGates.lifetime(bundle, .selfSigned).outcome == .passed)
    }
  }

  @Test func `an authority that has expired ends no chain`() throws {
    let line = try TestLine(workshop, leafDays: 400)
    var context = GateContext(now: Date() + 350 * 86_400)
    context.trust = TrustedRoots(publicPEM: [], privatePEM: line.middle)
    let report = CertificateGates.check(
      chainPEM: line.leaf, keyPEM: line.leafKey, name: "x", context: context)
    #expect(report.failures.map(\.gate) == [.chainComplete])
    #expect(report.failures.first?.message.contains("expired") == true)
  }

  @Test(arguments: [
    ("shop.test", "shop.test", true), ("*.shop.test", "a.shop.test", true),
    ("*.shop.test", "shop.test", false), ("*.shop.test", "a.b.shop.test", false),
    ("*.shop.test", "*.shop.test", true), ("a.shop.test", "*.shop.test", false),
    ("192.0.2.7", "192.0.2.7", true), ("*.test", "xtest", false),
  ])
  func `a wildcard covers one label`(_ pattern: String, _ name: String, _ covers: Bool) throws {
    let one = try #require(ServerName(pattern))
    let other = try #require(ServerName(name))
    #expect(one.covers(other) == covers)
  }
}
