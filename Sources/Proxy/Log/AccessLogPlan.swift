extension ProxyConfiguration {
  /// What is told of each exchange once it has ended, and where.
  public struct AccessLog: Sendable, Equatable {
    public enum Format: String, Sendable, Equatable, CaseIterable {
      case json, httplog, combined
    }

    public enum Target: Sendable, Equatable {
      /// A file, or a FIFO; opened again when told so.
      case file(path: String)
      case standardError
      /// RFC 5424, a datagram for each line: over UDP, or to a Unix socket.
      case syslogDatagrams(SocketAddress)
      /// RFC 5424 over TCP, each line with its length before it (RFC 6587, section 3.4.1).
      case syslogStream(SocketAddress)
      /// The native protocol of systemd's journal.
      case journald(path: String)
    }

    public var format = Format.json
    public var target: Target
    /// Whether paths are told with their query.
    public var keepsQuery = true
    /// Of syslog, and as the journal is told; 16 is local0.
    public var facility: UInt8 = 16
    /// Bytes of lines that may wait to be written; what is more is dropped and counted.
    public var heldBytes = 4 << 20

    public init(target: Target) { self.target = target }
  }
}

extension ProxyConfiguration.AccessLog.Target: CustomStringConvertible {
  /// As it stands in the file.
  public var description: String {
    switch self {
    case .file(let path): path
    case .standardError: "stderr"
    case .syslogDatagrams(.unix(let path)): "syslog:unix:\(path)"
    case .syslogDatagrams(let address): "syslog:udp:\(address)"
    case .syslogStream(let address): "syslog:tcp:\(address)"
    case .journald(let path): "journald:\(path)"
    }
  }
}

/// How the access log does.
public struct AccessLogReport: Sendable, Equatable {
  public let format: String
  public let target: String
  /// Lines, since the process began.
  public let written: UInt64
  /// Lines that were lost: too many waited, or the target did not take them.
  public let dropped: UInt64
  /// Bytes that wait to be written.
  public let heldBytes: Int
  /// Why it cannot be written just now.
  public let trouble: String?
}
