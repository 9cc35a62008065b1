enum AdminFields {
  static let socket = Field(
    "socket", .path, standard: LoadedConfiguration.defaultAdminSocket,
    "The Unix socket of the admin commands. From a restart on.")
  static let group = Field(
    "group", .described("a group of this machine, by name or number"),
    standard: "the process's own",
    "Whose members may open the socket, beside its owner and root; what they may do, `roles` says. From a restart on."
  )
  static let roles = Field("roles", .section("admin.roles"), "Who may do what over the socket.")
  static let listen = Field(
    "listen", .section("admin.listen"),
    "The same API and the dashboard over TCP, for who shows a token or a certificate; off when left out."
  )
  static let haproxySocket = Field(
    "haproxy_socket", .path,
    "A Unix socket that answers HAProxy's `show stat` and `show info`, for hatop and exporters; it only shows, to the owner and `group`. From a restart on."
  )
  static let section = Section(
    "admin", "The administrator's door.", [socket, group, roles, listen, haproxySocket])
}

enum AdminRoleFields {
  private static let who = "a user or group of this machine, such as alice, 1000 or group:ops"
  static let viewer = Field("viewer", .list(who), "May look; so may all who open the socket.")
  static let `operator` = Field(
    "operator", .list(who), "May also weigh, drain, fail back, clear overrides and ban.")
  static let admin = Field(
    "admin", .list(who),
    "May do everything: apply, add and remove servers, certificates. Root and the process's own user are."
  )

  static let all: [(Field, AdminRole)] = [
    (viewer, .viewer), (`operator`, .operator), (admin, .admin),
  ]

  static let section = Section(
    "admin.roles", "Who may do what over the admin socket, as the kernel tells who asks.",
    [viewer, `operator`, admin])
}
