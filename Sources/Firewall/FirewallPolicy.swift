/// What a person wants of the firewall: who may come in, to what; as read, names not yet resolved.
public struct FirewallPolicy: Sendable, Equatable, Codable {
  public var mode = Mode.enforce
  public var groups: [Group] = []
  /// Evaluated first; deny has no power over it.
  public var management: Management?
  /// Denied everywhere but for management.
  public var deny: [Reference] = []
  public var bans = Bans()
  public var services: [Service] = []
  public var protect = Protection.host
  /// What becomes of open connections that a new policy no longer allows.
  public var existingConnections = ExistingConnections.close
  public var onDrift = DriftReaction.warn
  /// Only management is let in, whatever the services allow.
  public var isPanic = false

  public init() {}
}

extension FirewallPolicy {
  public enum Mode: String, Sendable, Equatable, CaseIterable, Codable {
    case enforce
    /// What would be denied is counted, logged, and let in.
    case audit
  }

  public enum ExistingConnections: String, Sendable, Equatable, CaseIterable, Codable {
    case close, keep
  }

  /// What the agent does when somebody else has changed our rules.
  public enum DriftReaction: String, Sendable, Equatable, CaseIterable, Codable {
    case warn, restore
  }

  /// What of this machine is protected.
  public enum Protection: String, Sendable, Equatable, CaseIterable, Codable {
    case host
    /// Before destination addresses are rewritten: ports that Docker publishes, too.
    case hostAndPublished = "host+published"
  }

  /// A named set of sources: its entries and all of `include`, without all of `except`.
  public struct Group: Sendable, Equatable, Codable {
    public var name: String
    public var entries: [Entry]
    /// What its file holds.
    public var feed: Feed?
    public var include: [Reference]
    public var except: [Reference]
    public var place: SourcePlace

    public init(
      name: String, entries: [Entry] = [], feed: Feed? = nil, include: [Reference] = [],
      except: [Reference] = [], place: SourcePlace
    ) {
      self.name = name
      self.entries = entries
      self.feed = feed
      self.include = include
      self.except = except
      self.place = place
    }
  }

  /// The networks of a file, one a line there.
  public struct Feed: Sendable, Equatable, Codable {
    public var path: String
    /// Lines with a network; overlapping ones are one interval among the addresses.
    public var entryCount: Int
    public var addresses: AddressSet

    public init(path: String, entryCount: Int, addresses: AddressSet) {
      self.path = path
      self.entryCount = entryCount
      self.addresses = addresses
    }
  }

  /// One address or network, and why it is there.
  public struct Entry: Sendable, Equatable, Codable {
    public var network: Network
    public var owner: String?
    public var reason: String?
    public var ticket: String?
    /// Unix time in seconds from which on it counts no more; never ends when nil.
    public var until: Int64?
    public var place: SourcePlace

    public init(
      network: Network, owner: String? = nil, reason: String? = nil, ticket: String? = nil,
      until: Int64? = nil, place: SourcePlace
    ) {
      self.network = network
      self.owner = owner
      self.reason = reason
      self.ticket = ticket
      self.until = until
      self.place = place
    }
  }

  /// Where a list names sources: a group, an address of its own, or everybody.
  public struct Reference: Sendable, Equatable, Codable {
    public enum Target: Sendable, Equatable, Codable {
      case group(String)
      case network(Network)
      /// `any`: must be spelled, never meant by leaving something out.
      case any
    }
    public var target: Target
    public var place: SourcePlace

    public init(_ target: Target, place: SourcePlace) {
      self.target = target
      self.place = place
    }
  }

  public struct Management: Sendable, Equatable, Codable {
    public var from: [Reference]
    public var to: [Port]
    public var place: SourcePlace

    public init(from: [Reference], to: [Port], place: SourcePlace) {
      self.from = from
      self.to = to
      self.place = place
    }
  }

  /// `tcp/443`, or a range of ports of one protocol.
  public struct Port: Sendable, Hashable, Codable {
    public enum Transport: String, Sendable, CaseIterable, Codable { case tcp, udp }
    public var transport: Transport
    /// Inclusive; within 1...65535.
    public var first: UInt16
    public var last: UInt16

    public init(_ transport: Transport, _ first: UInt16, _ last: UInt16? = nil) {
      self.transport = transport
      self.first = first
      self.last = last ?? first
    }
  }
}

/// An address with its prefix length: host bits are zero.
public enum Network: Sendable, Hashable, Codable {
  case ipv4(UInt32, prefix: UInt8)
  case ipv6(UInt128, prefix: UInt8)
}

/// Where in the files something stands; lines and columns count from 1.
public struct SourcePlace: Sendable, Hashable, Codable, CustomStringConvertible {
  public var file: String
  public var line: Int
  public var column: Int

  public init(file: String, line: Int, column: Int) {
    self.file = file
    self.line = line
    self.column = column
  }

  public var description: String { "\(file):\(line):\(column)" }
}

/// What is wrong, or doubtful, with a policy: `place: message; suggestion`.
public struct Finding: Sendable, Equatable, CustomStringConvertible {
  public enum Severity: Sendable, Equatable { case error, warning }
  public var severity: Severity
  public var place: SourcePlace
  /// What was found and what is allowed.
  public var message: String
  /// What to type next.
  public var suggestion: String?

  public init(
    _ severity: Severity, at place: SourcePlace, _ message: String, suggestion: String? = nil
  ) {
    self.severity = severity
    self.place = place
    self.message = message
    self.suggestion = suggestion
  }

  public var description: String {
    let kind = severity == .warning ? "warning: " : ""
    return "\(place): \(kind)\(message)\(suggestion.map { "; \($0)" } ?? "")"
  }
}
