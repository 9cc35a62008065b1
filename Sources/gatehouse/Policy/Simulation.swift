import Control
import Firewall

/// Packets, and what becomes of each.
struct Simulation {
  enum Verdict: String, Encodable { case allow, deny }

  struct Row: Encodable {
    var from: String
    var to: String
    var host: String?
    var path: String?
    var verdict = Verdict.deny
    /// What decided.
    var rule = ""
    /// Of the other policy.
    var newVerdict: Verdict?
    var newRule: String?
    /// Of the kernel.
    var kernel: Verdict?
    var expect: Verdict?
    var packet: Packet
    var isFragmented = false
    var at: Int64?
    /// A ban decides, and not the policy.
    var isBanned = false

    init(_ packet: Packet, to: String, host: String? = nil, path: String? = nil) {
      self.packet = packet
      from = "\(packet.source)"
      self.to = to
      self.host = host
      self.path = host == nil ? nil : path
    }

    private enum CodingKeys: CodingKey {
      case from, to, host, path, verdict, rule, newVerdict, newRule, kernel, expect
    }
  }
  let policy: CompiledPolicy
  let other: CompiledPolicy?
  /// Nil where they are left aside.
  let bans: BansInForce?
  var rows: [Row] = []

  mutating func predict() {
    for index in rows.indices {
      let first = explanation(rows[index], policy)
      rows[index].verdict = first.isAllowed ? .allow : .deny
      rows[index].rule = first.sentence
      rows[index].isBanned = first.ban != nil
      guard let other else { continue }
      let second = explanation(rows[index], other)
      rows[index].newVerdict = second.isAllowed ? .allow : .deny
      rows[index].newRule = second.sentence
    }
  }

  /// In audit mode the kernel lets everything in; what it would do otherwise is asked. How many it was
  /// not asked of: it takes loopback from nobody but itself, and one that is thrown away has no bans.
  mutating func askKernel() throws -> Int {
    var resolved = policy.verdict.policy
    resolved.mode = .enforce
    let asked = rows.indices.filter { !rows[$0].packet.source.isLoopback && !rows[$0].isBanned }
    guard !asked.isEmpty else { return rows.count }
    let trials = asked.map {
      ThrowAwayKernel.Trial(rows[$0].packet, isFragmented: rows[$0].isFragmented)
    }
    let arrivals = try ThrowAwayKernel.arrivals(of: trials, under: resolved, at: policy.time)
    for (index, hasArrived) in zip(asked, arrivals) {
      rows[index].kernel = hasArrived ? .allow : .deny
    }
    return rows.count - asked.count
  }

  /// Where the kernel does otherwise; what the proxy alone refuses is none of its business.
  var disagreements: [Row] {
    rows.filter { $0.kernel != nil && $0.host == nil && $0.kernel != $0.verdict }
  }

  var unexpected: [Row] { rows.filter { $0.expect != nil && $0.expect != $0.verdict } }

  private func explanation(_ row: Row, _ policy: CompiledPolicy) -> PolicyExplanation {
    let policy =
      row.at.map { CompiledPolicy(policy.policy.scheduled(from: $0), at: $0) } ?? policy
    var explanation = PolicyExplanation(
      of: row.packet, by: policy, banned: bans?.ban(of: row.packet.source, by: policy))
    if let host = row.host, explanation.isAllowed {
      explanation.add(requestTo: host, row.path ?? "/", row.packet, policy)
    }
    return explanation
  }

  // MARK: Text

  var table: String {
    var rows = rows.map { row in
      [
        row.from, row.to, row.verdict.rawValue, row.newVerdict?.rawValue ?? "",
        row.kernel?.rawValue ?? "", row.expect?.rawValue ?? "", row.rule,
        Self.remark(row),
      ]
    }
    rows.append([])
    let summary =
      "\(self.rows.count) packets, \(unexpected.count) not as expected, \(disagreements.count) where the kernel does otherwise"
    return gatehouse.table(
      ["FROM", "TO", "VERDICT", other == nil ? "" : "NEW", "KERNEL", "EXPECTED", "WHY", ""], rows)
      + summary
  }

  private static func remark(_ row: Row) -> String {
    if let expect = row.expect, expect != row.verdict { return "<- not as expected" }
    if let kernel = row.kernel, row.host == nil, kernel != row.verdict {
      return "<- the kernel does otherwise"
    }
    return ""
  }

  /// One packet, the stages of both policies beside each other.
  func sideBySide(_ row: Row) -> String {
    let first = explanation(row, policy)
    let second = other.map { explanation(row, $0) }
    let count = max(first.stages.count, second?.stages.count ?? 0)
    let stages = (0..<count).map { index -> [String] in
      let old = index < first.stages.count ? first.stages[index] : nil
      let new = second.flatMap { index < $0.stages.count ? $0.stages[index] : nil }
      return [
        old?.name ?? new?.name ?? "", old?.result.rawValue.uppercased() ?? "", old?.detail ?? "",
        new?.result.rawValue.uppercased() ?? "", new?.detail ?? "",
      ]
    }
    var rows = stages
    rows.append(["verdict", "", first.sentence, "", second?.sentence ?? ""])
    if let kernel = row.kernel {
      rows.append(["kernel", kernel.rawValue.uppercased(), "true packet"])
    }
    return gatehouse.table(
      ["STAGE", "", "CURRENT", "", second == nil ? "" : "NEW"], rows)
  }
}
