enum HealthDoorFields {
  static let listen = Field(
    "listen", .list("\":8081\" (IPv4 and IPv6), \"127.0.0.1:8081\" or \"[::1]:8081\""),
    isRequired: true, "Addresses to answer on: plain HTTP, for everybody who can reach them.")
  static let grace = Field(
    "grace", .duration(.zero ... .seconds(300)), standard: "0s",
    "How long it serves on after it was told to end, while /readyz says 503 already: balancers in front "
      + "need that long to see it.")
  static let section = Section(
    "health",
    "What balancers and supervisors in front ask: /livez, /readyz and /startupz, and nothing else.",
    [listen, grace])
}
