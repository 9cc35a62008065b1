public import Firewall
internal import Foundation

/// Who types this.
public enum Caller {
  /// An SSH connection, and when its shell began, in milliseconds on `BootClock`.
  struct Session {
    /// `CLIENT PORT SERVER PORT`, as sshd gives it.
    var connection: String
    var begunAt: Int64

    /// `CLIENT PORT SERVER-PORT`, the address as this program writes it.
    var ends: String {
      let parts = connection.split(separator: " ")
      guard parts.count == 4, let client = Caller.address(parts[0]) else { return "" }
      return "\(client) \(parts[1]) \(parts[3])"
    }
  }

  /// Of SSH_CONNECTION: link-local ones bear an interface, and IPv4 ones may be mapped.
  public static func address(_ text: some StringProtocol) -> Address? {
    let plain = String(text.prefix { $0 != "%" })
    let mapped = "::ffff:"
    guard plain.lowercased().hasPrefix(mapped), plain.contains(".") else {
      return Address(parsing: plain)?.unmapped
    }
    return Address(parsing: String(plain.dropFirst(mapped.count)))
  }

  static var name: String {
    let environment = ProcessInfo.processInfo.environment
    let user = environment["SUDO_USER"] ?? environment["USER"] ?? "uid \(getuid())"
    let from = connection?.split(separator: " ").first.map { " from \($0)" } ?? ""
    return user + from
  }

  /// `CLIENT PORT SERVER PORT` of the SSH connection, if it is one.
  public static var connection: String? { session?.connection }

  /// sudo takes SSH_CONNECTION away, so those are asked that this process descends from. The first of
  /// them that has it began with the connection, or the sshd above it: one connection may bring many
  /// shells.
  static let session: Session? = {
    var session: Session?
    var process = getpid()
    for _ in 0..<ancestorLimit where process > 1 {
      guard let (name, parent, begunAt) = facts(of: process) else { break }
      if var found = session, name.hasPrefix("sshd") {
        found.begunAt = min(found.begunAt, begunAt)
        return found
      }
      if let connection = connection(of: process),
        session.map({ $0.connection == connection }) ?? true
      {
        session = Session(connection: connection, begunAt: begunAt)
      }
      process = parent
    }
    return session
  }()

  private static let ancestorLimit = 64

  private static func connection(of process: pid_t) -> String? {
    let bytes = (try? Disk.read("/proc/\(process)/environ")) ?? []
    let name = Array("SSH_CONNECTION=".utf8)
    return bytes.split(separator: 0).first { $0.starts(with: name) }
      .map { String(decoding: $0.dropFirst(name.count), as: UTF8.self) }
  }

  /// Name, parent, and the start in milliseconds since the machine's: fields 2, 4 and 22 of proc(5).
  private static func facts(
    of process: pid_t
  ) -> (name: String, parent: pid_t, begunAt: Int64)? {
    let bytes = (try? Disk.read("/proc/\(process)/stat")) ?? []
    // The name before them may hold spaces and parentheses.
    guard let end = bytes.lastIndex(of: UInt8(ascii: ")")),
      let start = bytes.firstIndex(of: UInt8(ascii: "(")), start < end
    else { return nil }
    let name = String(decoding: bytes[(start + 1)..<end], as: UTF8.self)
    let fields = String(decoding: bytes[end...], as: UTF8.self).split(separator: " ")
    guard fields.count > 20, let parent = pid_t(fields[2]), let ticks = Int64(fields[20])
    else { return nil }
    return (name, parent, ticks * 1000 / Int64(max(1, sysconf(Int32(_SC_CLK_TCK)))))
  }
}
