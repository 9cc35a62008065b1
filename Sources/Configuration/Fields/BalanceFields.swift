enum BalanceFields {
  static let balance = Field(
    "balance",
    .described(
      "round-robin, least-connections, latency, random, hash, or `{ hash: address | header NAME | cookie NAME }`"
    ),
    standard: "round-robin",
    "How servers are chosen: in turns, the one with the fewest exchanges, the quicker of two, by lot, or the same for the same key."
  )
  static let sticky = Field(
    "sticky", .described("the name of a cookie"), standard: "none",
    "Keeps a client with the server that answered it first, by a cookie.")
  static let slowStart = Field(
    "slow_start", .duration(.zero ... .seconds(3600)), standard: "0s",
    "A server that comes back gets its whole weight only after this long.")
  static let limit = Field(
    "limit", .described("a number, or a map, see `backends.NAME.limit`"), standard: "none",
    "Exchanges that a server carries at a time.")
  static let tiers = Field(
    "tiers", .section("backends.NAME.tiers"),
    "When the servers of the next `tier` take over, and when they give back.")
  static let split = Field(
    "split", .section("backends.NAME.split"),
    "Sends reads to servers with `role: replica` and all else to the one with `role: primary`.")
  static let all = [balance, sticky, slowStart, limit, tiers, split]

  static let hash = Field(
    "hash", .described("address, `header NAME` or `cookie NAME`"), isRequired: true,
    "What is hashed; a request without it takes its turn.")
  static let section = Section(
    "backends.NAME.balance", "The same server for the same key, as long as it is there.", [hash])
}

enum ServerLimitFields {
  static let connections = Field(
    "connections", .integer(1...1_000_000), isRequired: true,
    "Exchanges of each server at a time, over all workers; a server's own `limit` goes before it.")
  static let queue = Field(
    "queue", .integer(0...1_000_000), standard: "1000",
    "Requests that may wait for a server; more are answered 503.")
  static let wait = Field(
    "wait", .duration(.milliseconds(1) ... .seconds(3600)), standard: "5s",
    "How long a request waits; then it is answered 503.")
  static let section = Section(
    "backends.NAME.limit", "What a server carries, and how requests wait for it.",
    [connections, queue, wait])
}

enum TierFields {
  static let below = Field(
    "below", .percent(1...100), standard: "1%",
    "The next tier is used while less than this share of a tier's weight is healthy.")
  static let holdDown = Field(
    "hold_down", .duration(.zero ... .seconds(86_400)), standard: "10s",
    "Between two changes of tier; one with nothing left is left at once.")
  static let failback = Field(
    "failback", .described("auto, manual, or `after 5m`"), standard: "auto",
    "When the better tier is used again: at once, by `gatehouse server failback`, or after it was healthy for so long."
  )
  static let section = Section(
    "backends.NAME.tiers", "Active-passive: servers with a higher `tier` stand by.",
    [below, holdDown, failback])
}

enum SplitFields {
  static let read = Field(
    "read", .list("a method, such as GET"), standard: "[GET, HEAD, OPTIONS]",
    "Methods that only read; all others go to the primary.")
  static let pinAfterWrite = Field(
    "pin_after_write", .duration(.zero ... .seconds(86_400)), standard: "5s",
    "A client that wrote reads from the primary for so long, by a sealed cookie; never when 0s.")
  static let except = Field(
    "except", .list("a path, such as /cart/**"), standard: "none",
    "Paths whose requests all go to the primary.")
  static let queueWrites = Field(
    "queue_writes", .duration(.zero ... .seconds(600)), standard: "0s",
    "How long a write waits for a primary to come; then, or at once when 0s, it is answered 503.")
  static let section = Section(
    "backends.NAME.split", "Reads to replicas, writes to the primary.",
    [read, pinAfterWrite, except, queueWrites])
}

enum StreamFields {
  static let backend = Field(
    "backend", .text, standard: "none",
    "Moves bytes between clients and this backend's servers, whatever they say, in place of HTTP.")
  static let role = Field(
    "role", .choice(["primary", "replica"]), standard: "every server",
    "Servers with this role only; of a listener with `backend`.")
  static let fallback = Field(
    "fallback", .choice(["primary", "none"]), standard: "primary",
    "Where `role: replica` goes when no replica can take it.")
  static let onRoleLoss = Field(
    "on_role_loss", .choice(["close", "keep"]), standard: "close",
    "What becomes of the connections to a server that loses the role.")
  static let all = [backend, role, fallback, onRoleLoss]
}
