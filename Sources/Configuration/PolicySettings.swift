/// Every setting of a policy file, declared once.
enum PolicySettings {
  static let sections: [Section] = [file, group, entry, management, service]

  static let file = Section(
    "policy",
    "A policy file: who may come in. Deny beats allow, management beats deny; the order of lines never matters.",
    [
      Field("version", .choice(["1"]), default: "1", "Of this language."),
      Field(
        "timezone", .text("a name like Europe/Berlin"), default: "UTC", "For the days in `until`."),
      Field(
        "protect", .choice(["host", "host+published"]), default: "host",
        "`host+published` covers ports that Docker publishes, too."),
      Field("groups", .other("map NAME: list of sources, or a group"), "Named sets of sources."),
      Field("management", .other("management"), "Required; evaluated first."),
      Field("deny", .other("list of sources"), "Everywhere but for management."),
      Field("services", .other("map NAME: service"), "What listens, and for whom."),
      Field(
        "include", .other("list of files; * matches in the last part"),
        "More groups and services."),
      Field("default", .choice(["deny"]), default: "deny", "For all that is not allowed."),
    ], later: ["mode", "bans", "expect"])

  static let group = Section(
    "policy.groups.NAME", "Set algebra: entries and all of `include`, without all of `except`.",
    [
      Field("entries", .other("list of sources"), "Addresses and networks."),
      Field("include", .other("list of sources"), "Groups whose sources belong to this one."),
      Field("except", .other("list of sources"), "Taken out again."),
      Field("file", .text("path of a feed"), "One network a line; # and ; begin comments."),
      Field(
        "min_entries", .integer(0...10_000_000), default: "1",
        "Fewer is an error: a truncated feed never empties the list."),
      Field(
        "max_entries", .integer(1...10_000_000), default: "1000000", "More is an error."),
    ], later: ["max_age", "on_error"])

  static let entry = Section(
    "policy.groups.NAME[]", "One source, and why it is there.",
    [
      Field("cidr", .text("address or network"), "Such as 203.0.113.64/27 or \"2001:db8::/32\"."),
      Field("reason", .text("text"), "Why."),
      Field("owner", .text("text"), "Who answers for it."),
      Field("ticket", .text("text"), "Where it was decided."),
      Field(
        "until", .text("YYYY-MM-DD"), default: "for ever",
        "The last day that it counts, in the policy's timezone; the kernel ends it by itself."),
    ])

  static let management = Section(
    "policy.management", "Who may always reach what administers this machine.",
    [
      Field("from", .other("list of sources"), "Never `any`."),
      Field("to", .other("list of tcp/PORT, udp/PORT"), "Such as tcp/22."),
    ])

  static let service = Section(
    "policy.services.NAME", "What listens, and for whom.",
    [
      Field("listen", .other("list of tcp/PORT, udp/PORT"), "tcp/8000-8010 is a range."),
      Field("allow", .other("list of sources"), "`any` must be spelled."),
      Field("deny", .other("list of sources"), "Beats allow."),
    ],
    later: ["limit", "ban", "trusted_proxies", "http", "schedule", "log", "existing_connections"])
}
