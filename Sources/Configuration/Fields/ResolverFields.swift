enum ResolverFields {
  static let lifeRange = Duration.seconds(1) ... .seconds(3600)

  static let servers = Field(
    "servers", .list("an address, such as 10.0.0.53, \"127.0.0.1:5353\" or \"[::1]:5353\""),
    standard: "those of /etc/resolv.conf",
    "Name servers to ask in place of the system's; names are then asked for as they are written.")
  static let minimumTTL = Field(
    "minimum_ttl", .duration(lifeRange), standard: "1s",
    "An address is not asked for again sooner, whatever its TTL.")
  static let maximumTTL = Field(
    "maximum_ttl", .duration(lifeRange), standard: "1h",
    "An address is asked for again after this time at the latest.")
  static let section = Section(
    "resolver", "Who is asked for the names of servers; /etc/hosts goes before.",
    [servers, minimumTTL, maximumTTL])
}
