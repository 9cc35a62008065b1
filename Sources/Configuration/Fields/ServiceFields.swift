enum ServiceLimitFields {
  static let newConnections = Field(
    "new_connections", .section("services.NAME.limit.new_connections"), "New connections.")
  static let concurrent = Field(
    "concurrent", .section("services.NAME.limit.concurrent"), "Connections open at a time.")
  static let section = Section(
    "services.NAME.limit", "How much one source may use; what is more is dropped.",
    [newConnections, concurrent])

  static let rate = Field(
    "rate", .described("a number per s, m, h, d or w, such as 50/s"), isRequired: true,
    "How many, in the long run.")
  static let burst = Field(
    "burst", .integer(1...1_000_000), standard: "the rate's number", "How many at once.")
  static let per = Field(
    "per", .list("ipv4/PREFIX and ipv6/PREFIX"), standard: "[ipv4/32, ipv6/64]",
    "What counts as one source.")
  static let rateSection = Section(
    "services.NAME.limit.new_connections", "New connections of one source.", [rate, burst, per])

  static let max = Field("max", .integer(1...1_000_000), isRequired: true, "How many.")
  static let concurrentSection = Section(
    "services.NAME.limit.concurrent", "Connections of one source at a time.", [max, per])
}

enum BanFields {
  static let when = Field(
    "when", .described("`limited N times in SPAN` or `refused N times in SPAN`"),
    isRequired: true,
    "Over a limit so often, or that many requests refused by `http` or as malformed; from the first on."
  )
  static let span = Field(
    "for", .duration(.seconds(1) ... .seconds(365 * 86_400)),
    standard: "`bans.default_for`", "How long.")
  static let section = Section("services.NAME.ban", "When a source is banned.", [when, span])

  static let defaultFor = Field(
    "default_for", .duration(.seconds(1) ... .seconds(365 * 86_400)), standard: "10m",
    "How long a ban lasts that does not say.")
  static let maxFor = Field(
    "max_for", .duration(.seconds(1) ... .seconds(365 * 86_400)), standard: "24h",
    "How long a ban may last at most.")
  static let never = Field(
    "never", .list(PolicyFields.sources),
    "Who is never banned, beside management and trusted proxies.")
  static let policySection = Section("bans", "Bans.", [defaultFor, maxFor, never])
}

enum ScheduleFields {
  static let days = Field(
    "days", .list("mon, tue, wed, thu, fri, sat, sun, or a range such as mon-fri"),
    standard: "every day", "On which days it opens.")
  static let hours = Field(
    "hours", .described("HH:MM-HH:MM; up to the next day where the end is not later"),
    standard: "00:00-24:00", "From when until when, in the policy's timezone.")
  static let section = Section(
    "services.NAME.schedule", "When the service is open; open connections stay.", [days, hours])
}

enum HTTPRuleFields {
  static let host = Field(
    "host", .described("a name, \"*.NAME\" for all below it, or \"*\" for every host and for none"),
    isRequired: true, "Of which host.")
  static let path = Field(
    "path", .described("a path, or PATH/** for it and all below"), standard: "every path",
    "Of which path.")
  static let allow = Field(
    "allow", .list(PolicyFields.sources), isRequired: true, "Who may.")
  static let section = Section(
    "services.NAME.http[]", "Requests, and who may send them.", [host, path, allow])
}

enum ExpectFields {
  static let from = Field(
    "from", .described("an address"), isRequired: true, "Who connects.")
  static let to = Field(
    "to", .described("tcp/443, udp/53, icmp/8 or icmpv6/128"), isRequired: true, "To what.")
  static let host = Field("host", .text, "The host of a request.")
  static let path = Field("path", .text, standard: "/", "Its path.")
  static let at = Field(
    "at", .described("a minute, such as 2026-12-24T22:00"), standard: "now", "When.")
  static let verdict = Field(
    "verdict", .choice(["allow", "deny"]), isRequired: true, "What must become of it.")
  static let section = Section(
    "expect[]", "A connection or request, and its verdict.", [from, to, host, path, at, verdict])
}
