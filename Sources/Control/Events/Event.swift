public import Foundation

/// Something that happened while running, as `gatehouse events` shows it.
public struct Event: Codable, Sendable, Equatable {
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// It began, drains, or ended.
    case process
    /// A file was applied, or refused.
    case apply
    case server, backend, override, certificate, database, name, ban, firewall, log
    /// Something that fits nowhere else, and should not be.
    case trouble
  }
  public enum Severity: String, Codable, Sendable, CaseIterable {
    case info, warning, error
  }

  /// Grows by one with each, over restarts, too, where a state folder keeps them.
  public let id: UInt64
  public let at: Date
  public let kind: Kind
  public let severity: Severity
  /// "web/s1", a certificate's name, an address; empty where it is the whole process.
  public let subject: String
  public let text: String
  /// Who did it, where it was somebody.
  public let by: String?
}
