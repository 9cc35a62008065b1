public import Foundation
internal import Synchronization

/// One change, or an attempt at one that was refused.
public struct AuditEntry: Codable, Sendable {
  public var at: Date
  public var user: String
  /// Of a caller on this machine.
  public var uid: UInt32?
  public var pid: Int32?
  /// Of a caller over TCP.
  public var address: String?
  public var role: String
  /// "set", "drain", "apply" and so on.
  public var action: String
  /// Of what: "web/s1", "web", an address; empty for all.
  public var subject: String
  public var before: String
  public var after: String
  public var reason: String
  /// "done", or why not.
  public var outcome: String
}

/// Every change and who made it, a line of JSON each; only ever appended to.
final class AuditLog: Sendable {
  /// As much of the end as is read to show the last entries.
  static let readLimit = 1 << 20

  private let path: String?
  private let writing = Mutex<Void>(())

  init(path: String?) { self.path = path }

  /// Why it could not be written, if so.
  func append(_ entry: AuditEntry) -> String? {
    guard let path else { return nil }
    return writing.withLock { _ in
      guard let line = try? Self.line(of: entry) else { return "no JSON" }
      // Opened each time, so that whoever rotates it needs to tell nobody.
      let file = unsafe open(
        path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o640)
      guard file >= 0 else { return "\(path): \(PolicyStore.reason)" }
      defer { close(file) }
      // One write: lines of two processes never mix.
      let count = unsafe line.withUnsafeBytes { unsafe write(file, $0.baseAddress, $0.count) }
      guard count == line.count else { return "\(path): \(PolicyStore.reason)" }
      return nil
    }
  }

  /// The last ones, oldest first; lines that are none are left out.
  func last(_ count: Int) -> [AuditEntry] {
    guard let path, let file = FileHandle(forReadingAtPath: path) else { return [] }
    defer { try? file.close() }
    let size = (try? file.seekToEnd()) ?? 0
    try? file.seek(toOffset: size > UInt64(Self.readLimit) ? size - UInt64(Self.readLimit) : 0)
    let data = (try? file.read(upToCount: Self.readLimit)) ?? Data()
    return data.split(separator: UInt8(ascii: "\n")).suffix(count)
      .compactMap { try? readJSON(AuditEntry.self, Data($0)) }
  }

  private static func line(of entry: AuditEntry) throws -> [UInt8] {
    var entry = entry
    entry.subject = visible(entry.subject)
    entry.before = visible(entry.before)
    entry.after = visible(entry.after)
    entry.reason = visible(entry.reason)
    entry.outcome = visible(entry.outcome)
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .iso8601
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(entry)) + [UInt8(ascii: "\n")]
  }

  /// With what steers a terminal or breaks a line written out, and within a bound.
  static func visible(_ text: String) -> String {
    var shown = ""
    for scalar in text.unicodeScalars.prefix(textLimit) {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate:
        shown += "\\u{\(String(scalar.value, radix: 16))}"
      default: shown.unicodeScalars.append(scalar)
      }
    }
    return shown
  }

  private static let textLimit = 2000
}
