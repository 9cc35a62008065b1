enum HealthFields {
  static let health = Field(
    "health", .described("a path such as /healthz, tcp, or a map, see `backends.NAME.health`"),
    standard: "not checked",
    "How servers are checked, before and beside their clients' requests.")

  static let http = Field(
    "http", .described("a path, or a map, see `backends.NAME.health.http`"),
    "Asks for a path over HTTP/1.1, over TLS where the backend has `tls`.")
  static let tcp = Field("tcp", .boolean, "Connects, and no more.")
  static let tls = Field(
    "tls", .boolean,
    "Shakes hands; the certificate is verified as the backend's `tls` says, and not without one.")
  static let grpc = Field(
    "grpc", .described("true for the whole server, or the name of a service"),
    "Asks grpc.health.v1.Health/Check over HTTP/2.")
  static let agent = Field(
    "agent", .integer(1...65_535),
    "A port where an agent says a line: `75%`, `up`, `down`, `drain`, `maint`, `ready`.")
  static let port = Field(
    "port", .integer(1...65_535), standard: "that of the server", "Another port to check.")
  static let interval = Field(
    "interval", .duration(.milliseconds(100) ... .seconds(3600)), standard: "2s",
    "From the start of a check to that of the next.")
  static let fastInterval = Field(
    "fast_interval", .duration(.milliseconds(100) ... .seconds(3600)), standard: "500ms",
    "In place of `interval` while the last results contradict the verdict.")
  static let timeout = Field(
    "timeout", .duration(.milliseconds(10) ... .seconds(60)), standard: "1s",
    "For all steps of a check together.")
  static let rise = Field(
    "rise", .integer(1...100), standard: "2", "Good results in a row that make a server up.")
  static let fall = Field(
    "fall", .integer(1...100), standard: "3", "Bad results in a row that make a server down.")
  static let jitter = Field(
    "jitter", .percent(0...50), standard: "10%",
    "Each interval is drawn that much shorter or longer, so that checks do not march in step.")
  static let changesPerMinute = Field(
    "changes_per_minute", .integer(2...1000), standard: "6",
    "A server goes out and comes back no more often; then it is held out for a minute.")
  static let passive = Field(
    "passive", .described("true, or a map, see `backends.NAME.health.passive`"),
    standard: "false", "Ejects servers that fail under the eyes of their clients.")

  static let kinds = [http, tcp, tls, grpc, agent]
  static let section = Section(
    "backends.NAME.health", "How servers are checked; the first result decides at once.",
    kinds + [
      port, interval, fastInterval, timeout, rise, fall, jitter, changesPerMinute, passive,
    ])
}

enum HTTPCheckFields {
  static let path = Field(
    "path", .described("a path that begins with /"), isRequired: true, "What is asked for.")
  static let host = Field(
    "host", .described("a name or address, with a port where it is not the usual one"),
    standard: "that of the backend, or the server's name", "Sent as Host.")
  static let method = Field("method", .choice(["GET", "HEAD"]), standard: "GET", "GET or HEAD.")
  static let status = Field(
    "status", .list("a status such as 200, or a range such as \"200-399\""),
    standard: "200-399", "Statuses that pass.")
  static let body = Field(
    "body", .described("text of 1 to 1024 bytes"), standard: "none",
    "Must stand in the first 64 KiB of the body.")
  static let section = Section(
    "backends.NAME.health.http", "A check over HTTP.", [path, host, method, status, body])
}

enum PassiveFields {
  static let failures = Field(
    "failures", .integer(1...10_000), standard: "5",
    "Failures in a row: no connection, no whole answer, or a status of 500 to 599.")
  static let errorShare = Field(
    "error_share", .percent(0...100), standard: "50%",
    "Share of failures over `window`; 0% for never.")
  static let requests = Field(
    "requests", .integer(1...1_000_000), standard: "20",
    "The share counts only where there were so many in the window.")
  static let window = Field(
    "window", .duration(.seconds(1) ... .seconds(3600)), standard: "10s",
    "The time that the share is taken over.")
  static let eject = Field(
    "eject", .duration(.milliseconds(100) ... .seconds(3600)), standard: "10s",
    "How long the first ejection lasts; each further one lasts once longer.")
  static let longest = Field(
    "longest", .duration(.milliseconds(100) ... .seconds(86_400)), standard: "5m",
    "No ejection lasts longer.")
  static let atMost = Field(
    "at_most", .percent(1...100), standard: "50%",
    "Share of a backend's servers that may be ejected at a time.")
  static let section = Section(
    "backends.NAME.health.passive", "When a server is ejected for what its clients see.",
    [failures, errorShare, requests, window, eject, longest, atMost])
}
