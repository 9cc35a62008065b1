/// Policies of 64 KiB whose cost could grow with the square of their length, and that would be too
/// long for a corpus.
enum HugePolicies {
  private static let byteCount = 64 << 10
  private static let head = "version: 1\nmanagement: { from: [10.9.0.0/16], to: [tcp/22] }\n"

  static let all: [(name: String, text: String)] = [
    (
      "groups that are not there",
      head + "groups:\n" + many(2) { "  g\($0): []\n" } + "deny: [" + many(2) { "h\($0), " } + "]"
    ),
    (
      "addresses",
      head + "deny: [" + many { "\($0 / 65_536 + 1).\($0 / 256 % 256).\($0 % 256).1, " }
        + "]"
    ),
    ("unknown keys", head + many { "a\($0): 1\n" }),
    (
      "ports",
      head + "services: { a: { allow: any, listen: [" + many { "tcp/\($0 % 65_535 + 1), " }
        + "] } }"
    ),
    (
      "services", head + "services:\n" + many { " a\($0): { listen: tcp/\($0 + 1), allow: any }\n" }
    ),
    (
      "expectations of the future",
      head + "services:\n"
        + many(4) {
          " a\($0): { listen: tcp/\($0 + 1), allow: any, schedule: { days: mon-fri } }\n"
        }
        + "expect:\n"
        + many(4) {
          " - { from: 1.2.3.4, to: tcp/\($0 + 1), at: 2030-0\($0 % 9 + 1)-01T12:00, verdict: allow }\n"
        }
    ),
    (
      "groups in groups",
      head + "groups:\n g0: [1.2.3.4]\n"
        + many { " g\($0 + 1): { include: [g\($0), 1.2.\($0 / 256).\($0 % 256)] }\n" }
    ),
    ("patterns", head + "include: [" + many { "'*.\($0)', " } + "]"),
    ("lists", head + "deny: [" + many { _ in "[], " } + "]"),
    ("one key, again and again", head + many { _ in "deny: any\n" }),
    ("comments", head + many { _ in "#\n" }),
    ("spaces", head + "deny:" + many { _ in " \n" } + "any"),
    ("documents", head + many { _ in "---\n" }),
    ("one long key", many { _ in "a" } + ": 1"),
    ("one long value", head + "deny: \"" + many { _ in "\\x41" } + "\""),
    ("quotes", many { _ in "\"a\" " }),
    ("open lists", many { _ in "[" }),
    ("open maps", "a: |\n 'a\nb: " + many { _ in "{a: " }),
    ("keys of keys", many { _ in "? " }),
  ]

  /// As many pieces as fit into a part of the whole.
  private static func many(_ part: Int = 1, _ piece: (Int) -> String) -> String {
    var text = ""
    var index = 0
    while text.utf8.count < (byteCount - 200) / part {
      text += piece(index)
      index += 1
    }
    return text
  }
}
