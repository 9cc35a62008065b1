internal import Proxy

/// Metric families, each with its help and samples, as Prometheus reads them.
struct MetricText {
  enum Format {
    /// The text format, version 0.0.4.
    case prometheus
    /// OpenMetrics 1.0.
    case openMetrics

    /// As a client says in Accept what it takes.
    init(accepting fields: [String]) {
      let asks = fields.contains { $0.lowercased().contains("application/openmetrics-text") }
      self = asks ? .openMetrics : .prometheus
    }

    var contentType: String {
      switch self {
      case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
      case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
      }
    }
  }

  enum Kind: String {
    case counter, gauge, histogram, info
  }

  typealias Labels = [(String, String)]
  typealias Sample = (labels: Labels, value: Double)

  /// Base units that a name may end with.
  private static let units = ["seconds", "bytes", "ratio"]

  let format: Format
  private(set) var text = ""

  init(_ format: Format) { self.format = format }

  mutating func family(
    _ name: String, _ kind: Kind, _ help: String, _ samples: () -> [Sample]
  ) {
    head(name, kind, help)
    for sample in samples() { line(name, Self.text(sample.labels), Self.number(sample.value)) }
  }

  /// One that has no labels.
  mutating func family(_ name: String, _ kind: Kind, _ help: String, value: Double?) {
    family(name, kind, help) { value.map { [([], $0)] } ?? [] }
  }

  mutating func histograms(
    _ name: String, _ help: String, _ samples: [(labels: Labels, value: Histogram)]
  ) {
    head(name, .histogram, help)
    for (labels, histogram) in samples {
      let labels = Self.text(labels)
      var below: UInt64 = 0
      for (bound, count) in zip(Self.bounds, histogram.counts) {
        below &+= count
        line("\(name)_bucket", labels + (labels.isEmpty ? "" : ",") + bound, "\(below)")
      }
      line("\(name)_sum", labels, Self.number(Double(histogram.sum) / 1e6))
      line("\(name)_count", labels, "\(below)")
    }
  }

  /// What a scrape ends with.
  mutating func end() { if format == .openMetrics { text += "# EOF\n" } }

  private mutating func head(_ name: String, _ kind: Kind, _ help: String) {
    var family = name
    var type = kind
    switch format {
    // What this format knows no better.
    case .prometheus: if kind == .info { type = .gauge }
    case .openMetrics:
      if kind == .counter { family.drop(suffix: "_total") }
      if kind == .info { family.drop(suffix: "_info") }
    }
    text += "# HELP \(family) \(Self.escaped(help))\n# TYPE \(family) \(type.rawValue)\n"
    guard format == .openMetrics, let unit = Self.units.first(where: { family.hasSuffix("_\($0)") })
    else { return }
    text += "# UNIT \(family) \(unit)\n"
  }

  private mutating func line(_ name: String, _ labels: String, _ value: String) {
    text += name
    if !labels.isEmpty { text += "{\(labels)}" }
    text += " \(value)\n"
  }

  /// With a point in whole numbers, too: else the two formats would name two series.
  private static let bounds =
    Histogram.bounds.map { "le=\"\(Double($0) / 1e6)\"" } + ["le=\"+Inf\""]

  private static func text(_ labels: Labels) -> String {
    labels.map { "\($0.0)=\"\(escaped($0.1))\"" }.joined(separator: ",")
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
  }

  static func escaped(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 == 0x5c || $0 == 0x22 || $0 == 0x0a }) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

extension String {
  fileprivate mutating func drop(suffix: String) {
    if hasSuffix(suffix) { removeLast(suffix.count) }
  }
}
