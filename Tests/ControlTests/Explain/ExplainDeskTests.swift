import Configuration
import Firewall
import Foundation
import Testing

@testable import Control
@testable import Proxy

@Suite struct ExplainDeskTests {
  private static let file = """
    listeners: { http: { bind: "127.0.0.1:8080" } }
    backends: { web: { servers: { s1: "127.0.0.1:9001", s2: "127.0.0.1:9002" } } }
    routes: [{ backend: web }]

    """

  private static func status(_ state: ServerBook.State) -> Status {
    Status(
      version: "", pid: 1, startedAt: Date(), isEnding: false, generation: 1, appliedAt: Date(),
      configuration: "", configurationPath: "", policy: nil, workers: 1, listeners: [],
      backends: state.applied.backends.map {
        state.status($0, TrafficView([], TrafficHistory()))
      }, routes: [], certificates: [], renewals: [], traffic: .init(),
      firewall: .init([], nil), log: nil, names: [], databases: [], tracing: nil,
      lastApplyErrors: [], restartNeeded: [], overrideErrors: [], overrides: 0,
      certificateErrors: [])
  }

  @Test func `a generation is compiled once, however its servers stand`() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("desk-\(UUID()).yaml")
    try Data(Self.file.utf8).write(to: path)
    defer { try? FileManager.default.removeItem(at: path) }
    let loaded = try ConfigurationFile.load(path.path)
    var state = ServerBook.State()
    state.file = loaded.proxy
    state.applied = loaded.proxy
    let desk = ExplainDesk()
    func ask(_ generation: Int) throws -> String {
      var question = Explainer.Question(client: .ipv4(0xc000_0207))
      question.url = try RequestURL(parsing: "http://a:8080/")
      let facts = RunningFacts(status: Self.status(state))
      return try desk.why(
        question, of: generation, loaded, at: path.path, facts, KernelFacts(.none)
      ).sentence
    }
    #expect(try ask(1) == "SERVED: goes to backend web, server s1 or s2")
    #expect(try ask(1) == "SERVED: goes to backend web, server s1 or s2")
    #expect(desk.compilations == 1)
    var report = HealthReport()
    report.verdict = .down
    state.reports[ServerID(backend: "web", server: "s1")] = report
    #expect(try ask(1) == "SERVED: goes to backend web, server s2")
    #expect(desk.compilations == 1)
    #expect(try ask(2) == "SERVED: goes to backend web, server s2")
    #expect(desk.compilations == 2)
  }
}
