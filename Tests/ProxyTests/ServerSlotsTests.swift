import Testing

@testable import Proxy

@Suite struct ServerSlotsTests {
  private let id = ServerID(backend: "web", server: "s1")

  private func configuration(limit: Int?) -> ProxyConfiguration {
    var configuration = ProxyConfiguration()
    var server = ProxyConfiguration.Server(name: "s1", address: .ipv4(0x7f00_0001, port: 1))
    server.limit = limit
    configuration.backends = [.init(name: "web", servers: [server])]
    return configuration
  }

  @Test func `a limit that is lifted and set again counts what runs, once`() throws {
    let shared = SharedServers()
    let slots = try #require(shared.slots(id, limit: 2))
    shared.keep(only: configuration(limit: 2))
    #expect(slots.take() && slots.take() && !slots.take() && slots.isFull)
    // A configuration that is made, and never put to work, changes nothing.
    #expect(shared.slots(id, limit: nil) === slots && shared.slots(id, limit: 9) === slots)
    #expect(slots.isFull)
    shared.keep(only: configuration(limit: nil))
    #expect(!slots.isFull && slots.take())
    for _ in 0..<3 { slots.giveBack() }
    shared.keep(only: configuration(limit: 2))
    #expect(!slots.isFull && slots.isUnused)
    #expect(slots.take() && slots.take() && !slots.take())
  }

  @Test func `servers that are gone are forgotten once nothing runs on them`() throws {
    let shared = SharedServers()
    let slots = try #require(shared.slots(id, limit: 1))
    #expect(slots.take())
    shared.keep(only: [], backends: [])
    #expect(shared.slots(id, limit: 1) === slots)
    slots.giveBack()
    shared.keep(only: [], backends: [])
    #expect(shared.slots(id, limit: 1) !== slots)
  }

  @Test(
    arguments: [
      ([], 0, nil), ([0], 0, 0), ([1], 0, 1), ([0, 1], 0, 1), ([0, 1], 1, 0), ([0, 63], 0, 63),
      ([0, 63], 63, 0), ([2, 5], 3, 5), ([2, 5], 5, 2),
    ] as [([Int], Int, Int?)])
  func `those that wait are woken in a circle, oneself last`(
    _ waiting: [Int], _ worker: Int, _ next: Int?
  ) {
    let requests = WaitingRequests()
    for worker in waiting { requests.note(worker: worker, waits: true) }
    #expect(requests.next(after: worker) == next)
  }
}
