internal import Glibc

/// Who types the commands.
enum Person {
  /// The login name; behind sudo, the one who typed it.
  static var current: String {
    if geteuid() == 0, let typed = unsafe getenv("SUDO_USER") {
      return unsafe String(cString: typed)
    }
    guard let entry = unsafe getpwuid(geteuid()), let name = unsafe entry.pointee.pw_name else {
      return "user \(geteuid())"
    }
    return unsafe String(cString: name)
  }
}
