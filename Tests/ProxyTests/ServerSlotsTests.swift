import Testing

@testable import Proxy

@Suite struct ServerSlotsTests {
  private let id = ServerID(backend: "web", server: "s1")

  @Test func `a limit that is lifted and set again counts what runs, once`() throws {
    let shared = SharedServers()
    let slots = try #require(shared.slots(id, limit: 2))
    #expect(slots.take() && slots.take() && !slots.take() && slots.isFull)
    let free = try #require(shared.slots(id, limit: nil))
    #expect(!free.isFull && free.take())
    for _ in 0..<3 { free.giveBack() }
    let again = try #require(shared.slots(id, limit: 2))
    #expect(!again.isFull && again.isUnused)
    #expect(again.take() && again.take() && !again.take())
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
