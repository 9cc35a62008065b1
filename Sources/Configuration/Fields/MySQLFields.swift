enum MySQLFields {
  static let mysql = Field(
    "mysql", .section("backends.NAME.mysql"), "Asks MySQL or MariaDB servers for their roles.")

  static let lag = Field(
    "lag", .duration(.seconds(1) ... .seconds(86_400)), standard: "10s",
    "A replica further behind gets no reads.")
  static let tls = Field(
    "tls", .described("true, false, or a map, see `backends.NAME.mysql.tls`"), standard: "false",
    "Checks and `gatehouse db` speak TLS, or not at all: a server that offers none is refused.")
  static let heartbeat = Field(
    "heartbeat", .described("a table, such as percona.heartbeat"),
    standard: "replicas' own Seconds_Behind_Master",
    "Where pt-heartbeat (with `--utc`) writes the time: how far behind a replica truly is. Without an answer it gets no reads."
  )
  static let admin = Field(
    "admin", .section("backends.NAME.mysql.admin"),
    "Who `gatehouse db` logs in as; `user` when left out.")
  static let replication = Field(
    "replication", .section("backends.NAME.mysql.replication"),
    "Who replicas log in as at their primary; `switchover` and `rejoin` need it.")
  static let section = Section(
    "backends.NAME.mysql", "How MySQL or MariaDB servers are asked for their roles.",
    [AccountFields.user, AccountFields.password, lag, heartbeat, tls, admin, replication])
  static let serverName = Field(
    "server_name", .text, standard: "each server's own name or address",
    "The name asked for (SNI) and checked in the certificates of all of them.")
  static let tlsSection = Section(
    "backends.NAME.mysql.tls", "TLS to databases, asked for within their protocol.",
    [UpstreamTLSFields.verify, UpstreamTLSFields.ca, serverName], later: ["client_auth"])
  static let adminSection = Section(
    "backends.NAME.mysql.admin", "Who switches servers over, for `gatehouse db` only.",
    [AccountFields.user, AccountFields.password])
  static let replicationSection = Section(
    "backends.NAME.mysql.replication", "Who replicas log in as at their primary.",
    [AccountFields.user, AccountFields.password])
}

enum AccountFields {
  static let user = Field(
    "user", .text, isRequired: true, "A user of the database, the same on every server.")
  static let password = Field(
    "password", .path, isRequired: true,
    "A file with the password alone, mode 0600; never the password itself.")
}
