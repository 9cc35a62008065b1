enum PolicyFields {
  static let version = Field(
    "version", .integer(1...1), isRequired: true, "The version of the policy language.")
  static let timezone = Field(
    "timezone", .text, standard: "UTC",
    "Where the days of `until` end, such as Europe/Berlin.")
  static let mode = Field(
    "mode", .choice(["enforce", "audit"]), standard: "enforce",
    "Whether what is denied is refused; in `audit` it is counted, logged, and let in.")
  static let protect = Field(
    "protect", .choice(["host", "host+published"]), standard: "host",
    "This machine's own ports, or those that containers publish, too.")
  static let groups = Field(
    "groups", .described("a map of names to lists, or to maps, see `groups.NAME`"),
    "Named sets of sources.")
  static let management = Field(
    "management", .section("management"), isRequired: true,
    "Who may always connect, whatever is denied.")
  static let deny = Field(
    "deny", .list(sources), "Sources denied everywhere but for management.")
  static let bans = Field("bans", .section("bans"), "How long bans last, and who is never banned.")
  static let existingConnections = Field(
    "existing_connections", .choice(["close", "keep"]), standard: "close",
    "What becomes of open connections that a newly applied policy no longer allows.")
  static let onDrift = Field(
    "on_drift", .choice(["warn", "restore"]), standard: "warn",
    "What the agent does when somebody else changes the firewall's rules: tell, or undo it, too.")
  static let expect = Field(
    "expect", .list("a map, see `expect[]`"),
    "What must come out: a policy that does not do it is refused.")
  static let services = Field(
    "services", .described("a map of names, see `services.NAME`"), "What may be connected to.")
  static let include = Field(
    "include", .list("a path, `*` in its last part"),
    "Files with more groups and services; a name that stands twice is an error.")
  static let defaultAction = Field(
    "default", .choice(["deny"]), standard: "deny", "What happens to all else.")

  static let section = Section(
    "", "A policy file: who may connect to what. Deny beats allow; the order never matters.",
    [
      version, timezone, mode, protect, groups, management, deny, bans, services, include,
      existingConnections, onDrift, expect, defaultAction,
    ])

  static let includedSection = Section(
    "include[]", "A file named by `include`.",
    [Field("version", .integer(1...1), "The version of the policy language."), groups, services])

  static let sources = "`any`, an address, a network or the name of a group"
}

enum GroupFields {
  static let include = Field("include", .list(PolicyFields.sources), "All of these sources.")
  static let except = Field("except", .list(PolicyFields.sources), "Without all of these.")
  static let file = Field(
    "file", .path, "A file of networks, one a line, with # and ; comments; read when the policy is."
  )
  static let minEntries = Field(
    "min_entries", .integer(0...10_000_000), standard: "1",
    "Fewer in the file is an error: a truncated feed never empties the group.")
  static let maxEntries = Field(
    "max_entries", .integer(1...10_000_000), standard: "200000", "More in the file is an error.")
  static let maxAge = Field(
    "max_age", .duration(.seconds(1) ... .seconds(3650 * 86_400)),
    "A file that was not written for so long is an error.")
  static let onError = Field(
    "on_error", .choice(["fail", "keep-last"]), standard: "fail",
    "Whether an error of the file refuses the policy, or the list of the last apply is kept.")
  /// What says something of a file only.
  static let feed = [minEntries, maxEntries, maxAge, onError]

  static let section = Section(
    "groups.NAME", "A named set of sources: a list of entries, or a map.",
    [include, except, file, minEntries, maxEntries, maxAge, onError])
}

enum EntryFields {
  static let cidr = Field(
    "cidr", .described("an address or a network, such as 192.0.2.0/24"), isRequired: true,
    "The address or network.")
  static let reason = Field("reason", .text, "Why it is there.")
  static let owner = Field("owner", .text, "Who asked for it.")
  static let ticket = Field("ticket", .text, "Where that is written down.")
  static let until = Field(
    "until", .described("a day, such as 2026-12-31, or a minute, such as 2026-12-31T18:00"),
    "The last day (inclusive, in the policy's timezone), or the minute from which on it ends.")
  static let section = Section(
    "groups.NAME[]", "An entry of a group; an address or network alone may stand for it.",
    [cidr, reason, owner, ticket, until])
}

enum ManagementFields {
  static let from = Field("from", .list(PolicyFields.sources), isRequired: true, "Who.")
  static let to = Field("to", .list(ServiceFields.ports), isRequired: true, "To which ports.")
  static let section = Section("management", "Who may always connect.", [from, to])
}

enum ServiceFields {
  static let ports = "tcp/443, udp/443 or tcp/8000-8010"
  static let listen = Field("listen", .list(ports), isRequired: true, "The ports.")
  static let allow = Field(
    "allow", .list(PolicyFields.sources),
    "Who may connect. With `http`: who may send requests that no rule there names.")
  static let deny = Field("deny", .list(PolicyFields.sources), "Who may not; beats `allow`.")
  static let limit = Field(
    "limit", .section("services.NAME.limit"), "How much one source may use.")
  static let ban = Field(
    "ban", .section("services.NAME.ban"), "When a source is banned from everything.")
  static let schedule = Field(
    "schedule", .section("services.NAME.schedule"), "When the service is open; else always.")
  static let log = Field(
    "log", .choice(["none", "denied", "all"]), standard: "none",
    "What the kernel tells to NFLOG group 10, at most ten a second.")
  static let trustedProxies = Field(
    "trusted_proxies", .list(PolicyFields.sources),
    "Balancers or a CDN in front, that tell of the client; let in, never limited or banned.")
  static let http = Field(
    "http", .list("a map, see `services.NAME.http[]`"),
    "Who may send which requests; all rules that match a request must allow it.")

  static let section = Section(
    "services.NAME", "What may be connected to.",
    [listen, allow, deny, limit, ban, schedule, log, trustedProxies, http],
    later: ["client_auth"])
}
