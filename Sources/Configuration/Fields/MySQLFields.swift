enum MySQLFields {
  static let mysql = Field(
    "mysql", .section("backends.NAME.mysql"), "Asks MySQL or MariaDB servers for their roles.")
}
