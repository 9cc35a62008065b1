import Foundation

/// Reads what `admin` says of who may do what.
enum AdminReader {
  private enum Principal {
    case user(UInt32)
    case group(UInt32)
  }

  static func read(_ admin: MapReader, _ loaded: inout LoadedConfiguration) {
    if let text = admin.text(AdminFields.group) {
      if let number = number(text) ?? group(named: text) {
        loaded.adminGroup = number
      } else if let value = admin[AdminFields.group] {
        admin.problems.error(
          value.place, "no group \"\(text.shortened)\" on this machine; see: getent group")
      }
    }
    guard let roles = admin.section(AdminFields.roles, AdminRoleFields.section) else { return }
    for (field, role) in AdminRoleFields.all {
      guard roles[field] != nil else { continue }
      for item in roles.items(field) ?? [] {
        guard let text = item.text("\"\(field.name)\"\(roles.inLabel)", roles.problems)
        else { continue }
        add(text, role, item, roles, &loaded.adminRoles)
      }
    }
  }

  private static func add(
    _ text: String, _ role: AdminRole, _ item: YAMLValue, _ reader: MapReader,
    _ roles: inout AdminRoles
  ) {
    switch principal(text) {
    case .user(let number): roles.users[number] = max(role, roles.users[number] ?? .viewer)
    case .group(let number): roles.groups[number] = max(role, roles.groups[number] ?? .viewer)
    case nil:
      reader.problems.error(
        item.place,
        "no user or group \"\(text.shortened)\" on this machine; allowed: a name, a user's number, "
          + "user:NAME, group:NAME or group:NUMBER")
    }
  }

  private static func principal(_ text: String) -> Principal? {
    if text.hasPrefix("user:") {
      let name = String(text.dropFirst(5))
      return (number(name) ?? user(named: name)).map { .user($0) }
    }
    if text.hasPrefix("group:") {
      let name = String(text.dropFirst(6))
      return (number(name) ?? group(named: name)).map { .group($0) }
    }
    if let user = number(text) ?? user(named: text) { return .user(user) }
    return group(named: text).map { .group($0) }
  }

  private static func number(_ text: String) -> UInt32? {
    text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) ? UInt32(text) : nil
  }

  private static func user(named name: String) -> UInt32? {
    guard !name.utf8.contains(0) else { return nil }
    guard let entry = unsafe getpwnam(name) else { return nil }
    return unsafe entry.pointee.pw_uid
  }

  private static func group(named name: String) -> UInt32? {
    guard !name.utf8.contains(0) else { return nil }
    guard let entry = unsafe getgrnam(name) else { return nil }
    return unsafe entry.pointee.gr_gid
  }
}
