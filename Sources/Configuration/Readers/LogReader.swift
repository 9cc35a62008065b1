import Foundation
import Proxy

/// Reads `log`.
enum LogReader {
  static func read(_ file: MapReader) -> ProxyConfiguration.AccessLog? {
    guard let map = file.section(FileFields.log, LogFields.section), let target = target(map)
    else { return nil }
    var log = ProxyConfiguration.AccessLog(target: target)
    log.format =
      map.choice(LogFields.format).flatMap(ProxyConfiguration.AccessLog.Format.init) ?? log.format
    log.keepsQuery = map.boolean(LogFields.query) ?? log.keepsQuery
    log.heldBytes = map.size(LogFields.buffer) ?? log.heldBytes
    if let name = map.choice(LogFields.facility),
      let number = LogFields.facilities.firstIndex(of: name)
    {
      log.facility = UInt8(number)
    }
    return log
  }

  private static func target(_ map: MapReader) -> ProxyConfiguration.AccessLog.Target? {
    guard let value = map[LogFields.to], let text = map.text(LogFields.to) else { return nil }
    switch text {
    case "stderr": return .standardError
    case "journald": return .journald(path: "/run/systemd/journal/socket")
    case "syslog": return .syslogDatagrams(.unix(path: "/dev/log"))
    default: break
    }
    // `sylog:udp:...` must not become a file.
    guard let colon = text.firstIndex(of: ":"), !text[..<colon].contains("/") else {
      return file(map, value)
    }
    let rest = String(text[text.index(after: colon)...])
    switch text[..<colon] {
    case "journald" where isSocketPath(rest): return .journald(path: rest)
    case "syslog": return syslog(rest) ?? map.refuse(value, LogFields.to, "is no syslog target")
    default:
      return map.refuse(value, LogFields.to, "is neither a known target nor a plain path")
    }
  }

  private static func syslog(_ text: String) -> ProxyConfiguration.AccessLog.Target? {
    let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return nil }
    if parts[0] == "unix" {
      return isSocketPath(parts[1]) ? .syslogDatagrams(.unix(path: parts[1])) : nil
    }
    // No names: to ask for them could take long, and anew at each connection.
    guard let (host, port) = AddressText.parse(parts[1]), case .address(let address) = host else {
      return nil
    }
    switch parts[0] {
    case "udp": return .syslogDatagrams(SocketAddress(address, port: port))
    case "tcp": return .syslogStream(SocketAddress(address, port: port))
    default: return nil
    }
  }

  /// sockaddr_un holds 108 bytes with the NUL at the end.
  private static func isSocketPath(_ path: String) -> Bool {
    path.hasPrefix("/") && path.utf8.count <= 107
      && path.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
  }

  private static func file(
    _ map: MapReader, _ value: YAMLValue
  ) -> ProxyConfiguration.AccessLog.Target? {
    guard let path = map.path(LogFields.to) else { return nil }
    if let trouble = trouble(path) {
      map.problems.error(value.place, "log: \"\(path.shortened)\" \(trouble)")
      return nil
    }
    return .file(path: path)
  }

  /// Why lines could not be written there; the folder is whoever's who installs, with his rights.
  private static func trouble(_ path: String) -> String? {
    var status = stat()
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    guard unsafe stat(path, &status) == 0 else {
      guard unsafe stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
        return "lies in a folder that is not there; make it: install -d -m 0750 \(folder)"
      }
      return unsafe access(folder, W_OK) == 0
        ? nil : "cannot be made: no right to write in \(folder)"
    }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: return "is a folder; name a file in it"
    case S_IFSOCK: return "is a socket; write syslog:unix:\(path) or journald:\(path)"
    default: return unsafe access(path, W_OK) == 0 ? nil : "cannot be written: no right to"
    }
  }
}
