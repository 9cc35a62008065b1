import Foundation

/// A true Prometheus over one gate's admin API, with a token; and a text of metrics, taken apart.
final class Scraper {
  private let folder: TemporaryFolder
  private let port = RawSocket.quietPort()
  private let program: Companion

  init(_ door: Door, as role: String = "viewer") throws {
    folder = try TemporaryFolder()
    let token = try folder.write("token", door.tokens[role] ?? "")
    let file = try folder.write(
      "prometheus.yml",
      """
      global: { scrape_interval: 1s, scrape_timeout: 1s }
      rule_files: ["\(Place.root.path)/packaging/prometheus/gatehouse.rules.yml"]
      scrape_configs:
        - job_name: gatehouse
          authorization: { credentials_file: "\(token)" }
          static_configs: [{ targets: ["127.0.0.1:\(door.port)"] }]

      """)
    program = try Companion([
      "prometheus", "--config.file=\(file)", "--web.listen-address=127.0.0.1:\(port)",
      "--storage.tsdb.path=\(folder.url.appendingPathComponent("data").path)",
    ])
    guard program.says("Server is ready to receive web requests", seconds: 60) else {
      throw Gate.Failure(text: program.text)
    }
  }

  struct Row {
    let labels: [String: String]
    let value: Double
  }

  /// Nil when Prometheus cannot read the expression.
  func query(_ expression: String) throws -> [Row]? {
    let output = try run(
      "curl",
      [
        "-sS", "--max-time", "20", "-G", "--data-urlencode", "query=\(expression)",
        "http://127.0.0.1:\(port)/api/v1/query",
      ])
    let all = try JSONSerialization.jsonObject(with: Data(output.standardOutput.utf8))
    guard let answer = all as? [String: Any], answer["status"] as? String == "success",
      let data = answer["data"] as? [String: Any], let rows = data["result"] as? [[String: Any]]
    else { return nil }
    return rows.map { row in
      let labels = row["metric"] as? [String: String] ?? [:]
      let value = (row["value"] as? [Any])?.last as? String
      return Row(labels: labels, value: value.flatMap(Double.init) ?? .nan)
    }
  }

  var log: String { program.text }
}

/// The families of a scrape.
struct Families {
  /// What a sample of them may be called.
  let names: Set<String>

  init(_ text: String) {
    var names: Set<String> = []
    for line in text.split(separator: "\n") where line.hasPrefix("# TYPE ") {
      let words = line.split(separator: " ").map(String.init)
      guard words.count == 4 else { continue }
      let isHistogram = words[3] == "histogram"
      names.formUnion(
        isHistogram ? ["_bucket", "_sum", "_count"].map { words[2] + $0 } : [words[2]])
    }
    self.names = names
  }

  /// Every metric that an expression names.
  static func named(in expression: String) -> [String] {
    expression.matches(of: #/\b(gatehouse|process)_[a-z0-9_]+/#).map { String($0.output.0) }
  }
}
