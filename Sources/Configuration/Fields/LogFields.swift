import Proxy

enum LogFields {
  static let facilities = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
  ]

  static let to = Field(
    "to",
    .described(
      "a path, stderr, `syslog:unix:/dev/log`, `syslog:udp:ADDRESS:PORT`, `syslog:tcp:ADDRESS:PORT`, journald, or `journald:PATH`"
    ), isRequired: true,
    "Where lines go; what it does not take in time is dropped and counted, and traffic goes on. A file is opened again on SIGUSR1 and at each apply."
  )
  static let format = Field(
    "format", .choice(ProxyConfiguration.AccessLog.Format.allCases.map(\.rawValue)),
    standard: "json",
    "Lines of JSON, those of HAProxy's `option httplog`, or the combined ones of Apache and nginx.")
  static let query = Field(
    "query", .boolean, standard: "true",
    "Tells paths with their query, the values of names such as token and password masked; without one when false."
  )
  static let facility = Field(
    "facility", .choice(facilities), standard: "local0", "Of syslog and of the journal.")
  static let buffer = Field(
    "buffer", .size(64 << 10...1 << 30), standard: "4MiB",
    "Bytes of lines that may wait to be written; what is more is dropped and counted.")
  static let section = Section(
    "log", "The access log: a line for each exchange when it has ended.",
    [to, format, query, facility, buffer])
}
