import Testing

@testable import Proxy

@Suite struct HeadRejectionTests {
  static let all = (UInt8.min...UInt8.max).compactMap { HeadRejection(rawValue: $0) }

  @Test(arguments: all)
  func `a refusal has a status of its own kind, with a title and a reason`(_ why: HeadRejection) {
    #expect([400, 405, 408, 414, 417, 431, 505].contains(why.status))
    #expect(Replies.title(of: why.status).description != "Status")
    #expect(Self.all.count { $0.reason.description == why.reason.description } == 1)
  }
}
