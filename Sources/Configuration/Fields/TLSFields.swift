enum TLSFields {
  static let minimum = Field(
    "minimum", .choice(["1.2", "1.3"]), standard: "1.2", "The oldest version of TLS accepted.")
  static let tickets = Field(
    "tickets", .integer(0...4), standard: "1", "TLS 1.3 tickets sent after a full handshake.")
  static let clientAuth = Field(
    "client_auth", .section("client_auth"),
    "Clients must show a certificate of their own; nobody is asked without it.")
  static let hosts = Field(
    "hosts", .described("a map of hosts, see `listeners.NAME.tls.hosts.HOST`"),
    "What holds for some hosts in place of the listener's own settings.")
  static let section = Section(
    "listeners.NAME.tls", "Details of TLS towards clients.",
    [minimum, tickets, clientAuth, hosts])
}

enum TLSHostFields {
  static let clientAuth = Field(
    "client_auth", .described("none, or a map, see `client_auth`"), isRequired: true,
    "Who must show a certificate of his own for this host.")
  static let section = Section(
    "listeners.NAME.tls.hosts.HOST",
    "A host, or `*.` and a name; a request for it over a connection made for a host with other terms "
      + "is answered 421.", [clientAuth])
}

enum ClientAuthFields {
  static let mode = Field(
    "mode", .choice(["require", "request"]), standard: "require",
    "Whether a client without a certificate is refused; one with a bad certificate always is.")
  static let ca = Field(
    "ca", .path, isRequired: true, "PEM file of the authorities whose certificates are taken.")
  static let crl = Field(
    "crl", .path,
    "PEM file of their lists of revoked certificates; an outdated list lets nobody in.")
  static let allow = Field(
    "allow",
    .list("a name in certificates: alice@example.com, *.staff.test, spiffe://example.com/web"),
    "Names of which a client's certificate must bear one; any when left out.")
  static let section = Section(
    "client_auth",
    "Whose certificates clients must show. Servers are told in `Client-Cert` (RFC 9440), which no "
      + "client can set.", [mode, ca, crl, allow])
}
