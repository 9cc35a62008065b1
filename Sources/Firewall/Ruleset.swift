/// One table of nf_tables as a value: what `apply` makes the kernel hold and `nft` prints.
public struct Ruleset: Sendable, Equatable {
  static let table = "gatehouse"
  static let baseChain = "main"

  /// Named counters: they outlive the flush of the rules that count into them.
  public internal(set) var counters: [String] = []
  var sets: [NamedSet] = []
  /// The base chain comes first.
  var chains: [Chain] = []

  public var elementCount: Int { sets.reduce(0) { $0 + $1.elements.count } }

  /// The same without its elements, of which there may be a million.
  public var frame: Ruleset {
    var frame = self
    for index in sets.indices { frame.sets[index].elements = .list([]) }
    return frame
  }
}

/// A list of rules: hooked into the path of packets, or jumped to.
struct Chain: Sendable, Equatable {
  var name: String
  var hook: Hook?
  var rules: [Rule] = []
}

/// Where a base chain sits; its policy is always drop.
public struct Hook: Sendable, Equatable, CustomStringConvertible {
  public enum Point: UInt32, Sendable {
    case prerouting = 0
    case input = 1
  }
  public var point: Point
  public var priority: Int32

  public init(_ point: Point, priority: Int32) {
    self.point = point
    self.priority = priority
  }

  /// After connection tracking (-200), before destinations are rewritten (-100).
  static let beforeRewrite = Hook(.prerouting, priority: -150)
  static let input = Hook(.input, priority: 0)

  public var description: String { "\(point) priority \(priority)" }
}

typealias Rule = [Expression]
