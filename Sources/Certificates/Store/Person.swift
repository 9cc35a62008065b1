internal import Glibc

/// Who types the commands.
enum Person {
  /// The login name; behind sudo, the one who typed it.
  static var current: String {
    if geteuid() == 0, let typed = unsafe getenv("SUDO_USER") {
      let name = unsafe String(cString: typed)
      // It goes to terminals, and anybody may set it.
      if !name.isEmpty, name.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) { return name }
    }
    guard let entry = unsafe getpwuid(geteuid()), let name = unsafe entry.pointee.pw_name else {
      return "user \(geteuid())"
    }
    return unsafe String(cString: name)
  }
}
