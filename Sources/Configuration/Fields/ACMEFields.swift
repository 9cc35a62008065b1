enum ACMEFields {
  static let authorities = Field(
    "authorities", .described("a map of names, see `acme.authorities.NAME`"),
    standard: "letsencrypt", "Where certificates come from, in the order they are tried.")
  static let certificates = Field(
    "certificates", .described("a map of names, see `acme.certificates.NAME`"), isRequired: true,
    "What is fetched.")
  static let folder = Field(
    "folder", .path, standard: "the listeners' certificates folder, where there is only one",
    "Where they are kept.")
  static let dns = Field("dns", .section("acme.dns"), "How dns-01 writes into the DNS.")
  static let section = Section(
    "acme", "Certificates that are fetched from authorities (RFC 8555) and kept fresh.",
    [authorities, certificates, folder, dns])
}

enum AuthorityFields {
  static let directory = Field(
    "directory", .described("an https URL, letsencrypt or letsencrypt-staging"), isRequired: true,
    "The authority's directory.")
  static let email = Field("email", .text, "Told to the authority, for its warnings.")
  static let ca = Field(
    "ca", .path, standard: "the system's", "PEM file to trust the authority's own server by.")
  static let accountID = Field(
    "external_account", .section("external_account"),
    "An account made with the authority before, which ours is bound to.")
  static let preferredChain = Field(
    "preferred_chain", .text, standard: "the first that is offered",
    "Common name at the top of the chain wanted, where the authority offers several.")
  static let section = Section(
    "acme.authorities.NAME", "A certificate authority.",
    [directory, email, ca, accountID, preferredChain])
}

enum ExternalAccountFields {
  static let id = Field("id", .text, isRequired: true, "As the authority calls it (kid).")
  static let key = Field(
    "key", .path, isRequired: true, "File with its MAC key in base64url, mode 0600.")
  static let section = Section(
    "external_account", "An account made with the authority before (RFC 8555, section 7.3.4).",
    [id, key])
}

enum PlannedFields {
  static let names = Field(
    "names", .list("a DNS name, *.example.com with dns-01 only"), standard: "NAME",
    "What the certificate is for.")
  static let keys = Field(
    "keys", .list("ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072, rsa-4096"), standard: "ecdsa-p256",
    "A certificate for each; an RSA one is kept as NAME.rsa beside the other.")
  static let challenge = Field(
    "challenge", .choice(["http-01", "tls-alpn-01", "dns-01"]), standard: "http-01",
    "How the names are proven: over port 80, over port 443, or in the DNS.")
  static let authorities = Field(
    "authorities", .list("a name of `acme.authorities`"), standard: "all, in their order",
    "Which are asked, the next only when one before failed.")
  static let reuseKey = Field(
    "reuse_key", .boolean, standard: "false", "Keeps the key when the certificate is renewed.")
  static let section = Section(
    "acme.certificates.NAME", "A certificate that is fetched, kept as NAME in the folder.",
    [names, keys, challenge, authorities, reuseKey])
}

enum DNSFields {
  static let hook = Field(
    "hook", .path, "A program, called as `PROGRAM present|cleanup FQDN VALUE`.")
  static let server = Field(
    "server", .described("an address with a port, such as 192.0.2.53:53"),
    "A server that takes updates (RFC 2136), sent by nsupdate.")
  static let key = Field("key", .path, "File with the TSIG key that signs the updates.")
  static let section = Section(
    "acme.dns", "How dns-01 writes into the DNS: by hook, or by server.", [hook, server, key])
}
