import Foundation
import Testing

@testable import Control

@Suite struct VerdictTests {
  private static let now = Date(timeIntervalSince1970: 1_767_323_045)

  /// A status of which everything is well, as JSON, and changed.
  private static func status(_ edit: (inout String) -> Void = { _ in }) throws -> Status {
    var text = AdminClientTests.status
      .replacing(#""state" : "set aside""#, with: #""state" : "up""#)
      .replacing(#""state" : "kept""#, with: #""state" : "ok""#)
      .replacing(#""gatehouse.yaml:1:1: no""#, with: "")
    edit(&text)
    return try readJSON(Status.self, Data(text.utf8))
  }

  private static func verdict(_ status: Status) -> Verdict {
    Verdict(status, Verdict.causes(of: status, now: now), since: now, now: now)
  }

  @Test func `says that all is well, since when, and of how many`() throws {
    let verdict = Self.verdict(try Self.status())
    #expect(verdict.severity == .ok && verdict.causes.isEmpty)
    #expect(verdict.sentence == "OK since 03:04 – 1 backend, 1/1 servers up")
    #expect(Verdict.clock(Self.now, Self.now + 86_400) == "2026-01-02 03:04")
  }

  @Test func `a backend without a server is down, whoever wanted it`() throws {
    for (state, detail, next) in [
      ("down", "b/s down since 03:04: refused", "server show b/s"),
      ("drain", "b/s drain: refused", "server set b/s --state ready"),
      ("set aside", "b/s set aside: refused", "server show b/s"),
    ] {
      let verdict = Self.verdict(
        try Self.status { $0.replace(#""state" : "up""#, with: #""state" : "\#(state)""#) })
      #expect(verdict.sentence == "DOWN since 03:04 – backend b: no server is up")
      #expect(verdict.causes.map(\.detail) == [detail])
      #expect(verdict.causes.map(\.next) == ["gatehouse \(next)"])
    }
    let weightless = Self.verdict(
      try Self.status {
        $0.replace(#""effective_weight" : 0.5"#, with: #""effective_weight" : 0"#)
      })
    #expect(weightless.severity == .down)
    #expect(weightless.causes.map(\.next) == ["gatehouse server set b/s --weight 1"])
  }

  @Test func `many failed requests degrade it, a few do not, nor do few requests`() throws {
    for (share, rate, isBad) in [(0.05, 1.0, true), (0.04, 100, false), (1, 0.3, false)] {
      let recent = "{\"error_share\" : \(share), \"requests_per_second\" : \(rate)}"
      let verdict = Self.verdict(
        try Self.status {
          $0.replace(#""aborts" : 1"#, with: #""aborts" : 1, "recent" : \#(recent)"#)
        })
      #expect((verdict.severity == .degraded) == isBad, "\(share) \(rate)")
    }
  }

  @Test func `one that ends says so`() throws {
    let verdict = Self.verdict(
      try Self.status { $0.replace(#""is_ending" : false"#, with: #""is_ending" : true"#) })
    #expect(verdict.sentence.contains("it is ending"))
  }

  @Test func `names the worst first, three of them, and how many more there are`() throws {
    let verdict = Self.verdict(
      try Self.status {
        $0.replace(#""certificate_errors" : [ ]"#, with: #""certificate_errors" : ["a", "b"]"#)
        $0.replace(#""last_apply_errors" : [  ]"#, with: #""last_apply_errors" : ["x:1", "x:2"]"#)
        $0.replace(#""state" : "ok""#, with: #""state" : "expired""#)
      })
    #expect(verdict.severity == .down && verdict.causes.count == 4)
    #expect(
      verdict.sentence
        == "DOWN since 03:04 – certificate c has expired: names: none; the file was not applied; a; 1 more"
    )
    #expect(verdict.causes[1].detail == "x:1, and 1 more")
  }

  @Test func `a fetch that failed counts when it should have worked by now`() throws {
    for (reason, failures, isBad) in [
      ("lifetime", 2, false), ("lifetime", 3, true), ("missing", 1, true), ("missing", 0, false),
    ] {
      let status = try Self.status {
        $0.replace(
          #""failures" : 2, "last_problem" : "no""#,
          with: #""failures" : \#(failures), "last_problem" : "no""#)
        $0.replace(#""reason" : "lifetime""#, with: #""reason" : "\#(reason)""#)
      }
      #expect(Self.verdict(status).causes.isEmpty == !isBad, "\(reason) \(failures)")
    }
  }

  @Test func `a database without a writer is down, and one with a warning degraded`() throws {
    func database(_ writers: Int, _ warnings: String, _ members: String) throws -> Verdict {
      Self.verdict(
        try Self.status {
          $0.replace(
            #""databases" : [ ]"#,
            with: """
              "databases" : [ { "backend": "db", "writers": \(writers), "verdict": "why",
                "warnings": [\(warnings)], "members": [\(members)] } ]
              """)
        })
    }
    let member = #"{ "name": "s1", "role": "replica", "why": "x" }"#
    #expect(try database(0, "", member).severity == .down)
    #expect(try database(2, "", member).sentence.hasSuffix("database db: why"))
    #expect(try database(1, #""w""#, member).severity == .degraded)
    #expect(try database(1, "", member).severity == .ok)
    #expect(try database(0, "", "").severity == .degraded)
  }

  @Test func `remembers since when, and looks when something happened`() {
    let keeper = VerdictKeeper(startedAt: Self.now)
    #expect(keeper.since(.ok, now: Self.now + 5) == Self.now)
    #expect(keeper.since(.degraded, now: Self.now + 10) == Self.now + 10)
    #expect(keeper.since(.degraded, now: Self.now + 20) == Self.now + 10)
    #expect(keeper.since(.ok, now: Self.now + 30) == Self.now + 30)
    #expect(keeper.isDue(1) && !keeper.isDue(1) && keeper.isDue(2))
    #expect((1...10).filter { _ in keeper.isDue(2) } == [10])
  }
}
