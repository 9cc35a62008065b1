enum AdminListenFields {
  static let names = Field(
    "names", .list("a host, with or without a port: admin.example.com, \"localhost:8443\""),
    standard: "the bound address, and localhost where that is this machine's own",
    "What Host may say beside these; any other is answered 421, for it is how a web page reaches what is not meant for it."
  )
  static let tokens = Field("tokens", .section("admin.listen.tokens"), "A token for each role.")
  static let clientAuth = Field(
    "client_auth", .section("admin.listen.client_auth"),
    "Who has which role by the certificate that he shows.")

  /// Where it binds, and its own certificates, are as of `listeners.NAME`.
  static let section = Section(
    "admin.listen",
    "The admin API and the dashboard over TCP. Without certificates only an address of this machine may "
      + "be bound; either way each request needs a token or a certificate.",
    [ListenerFields.bind, ListenerFields.certificates, names, tokens, clientAuth])
}

enum AdminTokenFields {
  private static func field(_ role: AdminRole) -> Field {
    Field(
      role.rawValue, .path,
      "The file with the token of who has the role \(role.rawValue): 32 characters at least, for its "
        + "owner alone, as of `openssl rand -hex 32`.")
  }

  static let all: [(Field, AdminRole)] = AdminRole.allCases.map { (field($0), $0) }

  static let section = Section(
    "admin.listen.tokens",
    "Sent as `Authorization: Bearer TOKEN`, or exchanged for a cookie by `POST /v1/session`.",
    all.map(\.0))
}

enum AdminClientAuthFields {
  private static let who =
    "a name in certificates: alice@example.com, *.staff.test, spiffe://example.com/web"

  static let all: [(Field, AdminRole)] = AdminRole.allCases.map {
    (
      Field(
        $0.rawValue, .list(who),
        "Names of which a client's certificate must bear one to have the role \($0.rawValue)."),
      $0
    )
  }

  static let section = Section(
    "admin.listen.client_auth",
    "Whose certificates clients may show; the highest role of its names counts, and one without any "
      + "of them is refused.",
    [ClientAuthFields.ca, ClientAuthFields.crl] + all.map(\.0))
}
