import Foundation
import Testing

@testable import Certificates

struct RenewalScheduleTests {
  private let start = Date(timeIntervalSince1970: 1_800_000_000)
  private let day: TimeInterval = 86_400

  @Test(
    arguments: [(Double, Double)]([
      (90, 60), (47, 31.3333), (200, 133.3333), (10.001, 6.6673), (10, 5), (6.6667, 3.3333),
    ]))
  func `a third of the lifetime is left, or half of a short one`(_ days: Double, _ expected: Double)
  {
    let end = start + days * day
    let moment = RenewalSchedule.renewal(notBefore: start, notAfter: end, jitter: 0)
    #expect(abs(moment.timeIntervalSince(start) / day - expected) < 0.001)
    let earliest = RenewalSchedule.renewal(notBefore: start, notAfter: end, jitter: 1)
    #expect(abs(moment.timeIntervalSince(earliest) - days * day / 50) < 1)
    for odd in [-3.0, 7, .infinity] {
      let clamped = RenewalSchedule.renewal(notBefore: start, notAfter: end, jitter: odd)
      #expect((earliest...moment).contains(clamped))
    }
  }

  @Test func `jitter is a fraction that a certificate keeps`() {
    #expect(RenewalSchedule.jitter(of: "00000000ff") == 0)
    #expect(RenewalSchedule.jitter(of: "ffffffff00") == 1)
    #expect(abs(RenewalSchedule.jitter(of: "80000000") - 0.5) < 0.001)
    #expect(RenewalSchedule.jitter(of: "none") == 0)
  }

  @Test func `after failures the wait grows to six hours and no further`() {
    let minutes = (0...12).map { RenewalSchedule.pause(after: $0) / 60 }
    #expect(minutes == [1, 1, 2, 5, 10, 30, 60, 120, 240, 360, 360, 360, 360])
    #expect(RenewalSchedule.pause(after: .max) == 21_600)
    #expect(RenewalSchedule.pause(after: .min) == 60)
  }

  @Test func `an authority's moment counts, unless it comes too early or too late`() {
    let end = start + 60 * day
    func renewal(_ selected: Date) -> Date {
      RenewalSchedule.renewal(selected: selected, notBefore: start, notAfter: end)
    }
    #expect(renewal(start + day) == start + day)
    #expect(renewal(start - day) == start + 6 * 3_600)
    #expect(renewal(end + day) == start + 50 * day)
  }

  @Test func `a moment is chosen once for a window, and anew for another one`() throws {
    var random = FixedNumbers(state: 3)
    var information = RenewalInformation(identifier: "a.b", nextPoll: start)
    let first = try window("2027-02-01T00:00:00Z", "2027-02-03T00:00:00Z")
    information.take(first, poll: 7_200, now: start, using: &random)
    let selected = try #require(information.selected)
    #expect((first.start...first.end).contains(selected))
    #expect(information.nextPoll == start + 7_200)
    information.take(first, poll: nil, now: start, using: &random)
    #expect(information.selected == selected)
    #expect(information.nextPoll == start + 21_600)
    let second = try window("2027-01-01T00:00:00.123Z", "2027-01-01T02:00:00+01:00")
    information.take(second, poll: 1, now: start, using: &random)
    #expect((second.start...second.end).contains(try #require(information.selected)))
    #expect(information.nextPoll == start + 3_600)
    information.take(second, poll: 9_999_999, now: start, using: &random)
    #expect(information.nextPoll == start + 86_400)
    // All of a window is used, not only its beginning.
    let moments = (0..<200).map { _ in
      var other = RenewalInformation(identifier: "a.b", nextPoll: start)
      other.take(first, poll: nil, now: start, using: &random)
      return other.selected?.timeIntervalSince(first.start) ?? 0
    }
    #expect(moments.filter { $0 < day }.count > 60 && moments.filter { $0 > day }.count > 60)
  }

  private func window(_ start: String, _ end: String) throws -> RenewalWindow {
    let json = #"{"suggestedWindow":{"start":"\#(start)","end":"\#(end)"}}"#
    return try #require(RenewalWindow(json: Array(json.utf8)))
  }

  @Test(arguments: [
    #"{"suggestedWindow":{"start":"2027-02-03T00:00:00Z","end":"2027-02-01T00:00:00Z"}}"#,
    #"{"suggestedWindow":{"start":"2027-02-01T00:00:00Z","end":"2027-02-01T00:00:00Z"}}"#,
    #"{"suggestedWindow":{"start":"tomorrow","end":"2027-02-01T00:00:00Z"}}"#,
    #"{"suggestedWindow":{"start":1,"end":2}}"#, #"{"suggestedWindow":{}}"#, "{}", "[]", "",
    #"{"suggestedWindow":{"start":"0000-01-01T00:00:00Z","end":"9999-12-31T00:00:00Z"}}"#,
  ])
  func `a window that is none is no answer`(_ json: String) {
    #expect(RenewalWindow(json: Array(json.utf8)) == nil)
  }

  @Test func `a certificate is named as RFC 9773 names its example`() throws {
    let keyID: [UInt8] = [
      0x69, 0x88, 0x5b, 0x6b, 0x87, 0x46, 0x40, 0x41, 0xe1, 0xb3, 0x7b, 0x84, 0x7b, 0xa0, 0xae,
      0x2c, 0xde, 0x01, 0xc8, 0xd4,
    ]
    let name = RenewalInformation.identifier(keyID: keyID, serial: [0x00, 0x87, 0x65, 0x43, 0x21])
    #expect(name == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE")
  }

  @Test func `the number in a certificate's name keeps the zero in front`() throws {
    let workshop = try Workshop()
    try workshop.makeCertificate(
      "a", extensions: ["subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid:always"],
      more: ["-set_serial", "0x87654321"])
    let chain = try X509Certificate.readChain(from: try workshop.bytes("a.crt"), of: "a")
    let name = RenewalInformation.identifier(of: try #require(chain.first))
    #expect(name?.hasSuffix(".AIdlQyE") == true, "\(name ?? "none")")
  }
}
