import ArgumentParser
import Configuration
import Control
import Firewall
import Foundation

struct PolicySimulate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate", abstract: "What would become of packets.",
    discussion: """
      One packet, stage by stage, or a file of packets as a table. Beside the
      policy another one, and with --real the kernel itself: a namespace that is
      thrown away, and true packets.

      EXAMPLES
        gatehouse policy simulate --from 203.0.113.70 --to tcp/5432
        gatehouse policy simulate policies/web.yaml --from 203.0.113.70 \\
          --to tcp/443 --at "2026-12-24 22:00" --policy policies/new.yaml
        gatehouse policy simulate policies/web.yaml --file packets.csv --real

      A file has a header line and the columns from,to and, if you like, host,
      path, at, hop_limit, fragment (yes) and expect (allow or deny).

      Exit code 0: allowed; of a file: all as expected. 1: denied, or not as
      expected, or the kernel does otherwise.
      """)

  @Argument(help: "A policy file; the generation in force when left out.")
  var base: String?

  @Option(help: "Who: an address.")
  var from: String?

  @Option(help: "To what: tcp/443, udp/53, icmp/8, icmpv6/128.")
  var to: String?

  @Option(help: "The host of a request.")
  var host: String?

  @Option(help: "The path of a request.")
  var path = "/"

  @Option(help: "When, such as \"2026-12-24 22:00\"; now when left out.")
  var at: String?

  @Option(help: "Another policy file, to see side by side.")
  var policy: String?

  @Option(help: "A CSV file of packets.")
  var file: String?

  @Flag(help: "Ask the kernel, too, with true packets in a throw-away namespace (needs root).")
  var real = false

  @OptionGroup var state: StoreOption

  @Flag(help: "Print data instead of a table.")
  var json = false

  func run() throws {
    let store = state.store
    let loaded = try PacketText.moved(
      LoadedPolicy.read(orInForce: base, store, json: json), to: at)
    let other = try policy.map { try PacketText.moved(LoadedPolicy.read($0, store), to: at) }
    var simulation = Simulation(policy: loaded.compiled, other: other?.compiled)
    simulation.rows = try rows()
    simulation.predict()
    if real {
      guard at == nil, simulation.rows.allSatisfy({ $0.at == nil }) else {
        report(CommandFailure("--real asks the kernel, which knows only now; leave out when"))
        throw ExitCode.failed
      }
      try orFail { try simulation.askKernel() }
    }
    if json {
      print(try jsonText(simulation.rows))
    } else if file == nil, let row = simulation.rows.first {
      print(simulation.sideBySide(row))
    } else {
      print(simulation.table)
    }
    let isFine =
      file == nil
      ? simulation.rows.first?.verdict == .allow && simulation.disagreements.isEmpty
      : simulation.disagreements.isEmpty && simulation.unexpected.isEmpty
    if !isFine { throw ExitCode.no }
  }

  private func rows() throws -> [Simulation.Row] {
    if let file { return try orFail { try PacketFile.read(file) } }
    guard let from, let to else {
      report(CommandFailure("name a packet with --from and --to, or many with --file"))
      throw ExitCode.failed
    }
    let packet = try PacketText.packet(from: from, to: to)
    return [Simulation.Row(packet, to: to, host: host, path: path)]
  }
}

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
  var rows: [Row] = []

  mutating func predict() {
    for index in rows.indices {
      let first = explanation(rows[index], policy)
      rows[index].verdict = first.isAllowed ? .allow : .deny
      rows[index].rule = first.sentence
      guard let other else { continue }
      let second = explanation(rows[index], other)
      rows[index].newVerdict = second.isAllowed ? .allow : .deny
      rows[index].newRule = second.sentence
    }
  }

  /// In audit mode the kernel lets everything in; what it would do otherwise is asked.
  mutating func askKernel() throws {
    var resolved = policy.verdict.policy
    resolved.mode = .enforce
    let arrivals = try ThrowAwayKernel.arrivals(
      of: rows.map { .init($0.packet, isFragmented: $0.isFragmented) }, under: resolved,
      at: policy.time)
    for (index, hasArrived) in arrivals.enumerated() {
      rows[index].kernel = hasArrived ? .allow : .deny
    }
  }

  /// Where the kernel does otherwise; what the proxy alone refuses is none of its business.
  var disagreements: [Row] {
    rows.filter { $0.kernel != nil && $0.host == nil && $0.kernel != $0.verdict }
  }

  var unexpected: [Row] { rows.filter { $0.expect != nil && $0.expect != $0.verdict } }

  private func explanation(_ row: Row, _ policy: CompiledPolicy) -> PolicyExplanation {
    let policy =
      row.at.map { CompiledPolicy(policy.policy.scheduled(from: $0), at: $0) } ?? policy
    var explanation = PolicyExplanation(of: row.packet, by: policy)
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

/// A CSV file of packets.
enum PacketFile {
  private static let byteLimit = 64 << 20

  static func read(_ path: String) throws -> [Simulation.Row] {
    guard let data = FileManager.default.contents(atPath: path), data.count <= byteLimit else {
      throw CommandFailure("cannot read \(path), or it is larger than 64 MiB")
    }
    let lines = String(decoding: data, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    let header = cells(lines.first ?? "")
    let known = ["from", "to", "host", "path", "at", "hop_limit", "fragment", "expect"]
    if let unknown = header.first(where: { !known.contains($0) }) {
      throw CommandFailure(
        "\(path):1:1: unknown column \"\(unknown)\"; allowed: \(known.joined(separator: ", "))")
    }
    guard header.contains("from"), header.contains("to") else {
      throw CommandFailure("\(path):1:1: the first line must name the columns from and to")
    }
    return try lines.dropFirst().enumerated().compactMap { number, line in
      guard line.contains(where: { $0 != " " && $0 != "\r" }) else { return nil }
      let cells = cells(line)
      let values = Dictionary(zip(header, cells)) { first, _ in first }
      return try row(values, "\(path):\(number + 2):1")
    }
  }

  private static func cells(_ line: Substring) -> [String] {
    line.split(separator: ",", omittingEmptySubsequences: false).map {
      $0.trimmingCharacters(in: .whitespaces.union(["\r", "\""]))
    }
  }

  private static func row(_ values: [String: String], _ place: String) throws -> Simulation.Row {
    guard let source = Address(parsing: values["from"] ?? "") else {
      throw CommandFailure("\(place): \"\(values["from"] ?? "")\" is no address")
    }
    let to = values["to"] ?? ""
    guard let content = Packet.Content(parsing: to) else {
      throw CommandFailure(
        "\(place): \"\(to)\" is no port; allowed: tcp/443, udp/53, icmp/8, icmpv6/128, ip/47")
    }
    var packet = Packet(from: source, content)
    if let text = values["hop_limit"], !text.isEmpty {
      guard let limit = UInt8(text) else {
        throw CommandFailure("\(place): \"\(text)\" is no hop limit; allowed: 0 to 255")
      }
      packet.hopLimit = limit
    }
    func filled(_ name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }
    var row = Simulation.Row(
      packet, to: to, host: filled("host"), path: filled("path") ?? "/")
    row.isFragmented = filled("fragment") == "yes"
    row.at = try filled("at").map { try PacketText.moment($0) }
    if let text = filled("expect") {
      guard let expect = Simulation.Verdict(rawValue: text) else {
        throw CommandFailure("\(place): \"\(text)\" is no verdict; allowed: allow, deny")
      }
      row.expect = expect
    }
    return row
  }
}
