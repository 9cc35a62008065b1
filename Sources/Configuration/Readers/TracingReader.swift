public import Certificates
import Firewall
import Foundation
import Proxy

/// Where spans are sent, and under which name.
public struct TracingTarget: Sendable {
  public let collector: CollectorClient
  /// As it was written.
  public let url: String
  public let service: String
}

/// Reads `tracing`.
enum TracingReader {
  static let headerLimit = 16

  static func read(_ file: MapReader, _ loaded: inout LoadedConfiguration) {
    guard let map = file.section(FileFields.tracing, TracingFields.section) else { return }
    var plan = ProxyConfiguration.Tracing()
    plan.trusted = NetworkList.read(map, TracingFields.trust)
    if let value = map[TracingFields.sample], let text = map.text(TracingFields.sample) {
      plan.sampledPerMillion =
        perMillion(text) ?? map.refuse(value, TracingFields.sample, "is no percentage")
        ?? plan.sampledPerMillion
    }
    loaded.proxy.tracing = plan
    guard let value = map[TracingFields.to], let url = map.text(TracingFields.to) else { return }
    do throws(CollectorClient.Failure) {
      loaded.tracing = TracingTarget(
        collector: try CollectorClient(
          url, trustPath: map.path(TracingFields.authority), fields: headers(map)),
        url: url, service: map.text(TracingFields.service) ?? "gatehouse")
    } catch {
      let _: Never? = map.refuse(value, TracingFields.to, error.description)
    }
  }

  /// `10%` and `0.01%`, to a ten-thousandth of a percent.
  static func perMillion(_ text: String) -> UInt64? {
    guard text.hasSuffix("%"), text.utf8.count <= 9 else { return nil }
    let parts = text.dropLast().split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let whole = digits(parts[0]) else { return nil }
    var number = whole * 10_000
    if parts.count == 2 {
      guard (1...4).contains(parts[1].utf8.count), let rest = digits(parts[1]) else { return nil }
      number += rest * [1000, 100, 10, 1][parts[1].utf8.count - 1]
    }
    return number <= 1_000_000 ? number : nil
  }

  private static func digits(_ text: Substring) -> UInt64? {
    text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt64(text) : nil
  }

  private static func headers(_ map: MapReader) -> [(name: String, value: String)] {
    guard let path = map.path(TracingFields.headers), let place = map[TracingFields.headers]?.place
    else { return [] }
    var found: [(name: String, value: String)] = []
    do throws(FileReader.Failure) {
      if let mode = try? FileManager.default.attributesOfItem(atPath: path)[.posixPermissions],
        let bits = mode as? Int, bits & 0o077 != 0
      {
        map.problems.error(
          place, "\"\(path.shortened)\" may be read by others; type: chmod 600 \(path.shortened)")
      }
      let text = String(decoding: try FileReader.read(path, limit: 16_384).bytes, as: UTF8.self)
      for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
        .enumerated()
      where !line.isEmpty {
        guard let field = field(line), found.count < headerLimit else {
          map.problems.error(
            place,
            "\"\(path.shortened)\", line \(number + 1), is no `Name: value` line; at most \(headerLimit)"
          )
          return []
        }
        found.append(field)
      }
    } catch {
      map.problems.error(place, "cannot read \"\(path.shortened)\": \(error.text)")
    }
    return found
  }

  /// A token, a colon, and a value without control bytes (RFC 9110, section 5.5).
  private static func field(_ line: Substring) -> (name: String, value: String)? {
    guard let colon = line.utf8.firstIndex(of: 0x3a) else { return nil }
    let name = line[..<colon]
    let value = line[line.utf8.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    let marks = Array("!#$%&'*+-.^_`|~".utf8)
    guard !name.isEmpty,
      name.utf8.allSatisfy({
        ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || (0x30...0x39).contains($0) || marks.contains($0)
      }), value.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f })
    else { return nil }
    return (String(name), value)
  }
}

/// Reads a list of networks.
enum NetworkList {
  static func read(_ map: MapReader, _ field: Field) -> AccessRules {
    var sources = AddressSet()
    for item in map.items(field) ?? [] {
      guard let text = item.text("a network\(map.inLabel)", map.problems) else { continue }
      do throws(NetworkError) {
        sources = sources.union(AddressSet(try Network(parsing: text.shortened)))
      } catch {
        map.problems.error(item.place, error.description)
      }
    }
    return AccessRules(
      ipv4: sources.ipv4.map { .init(first: $0.first, last: $0.last) },
      ipv6: sources.ipv6.map { .init(first: $0.first, last: $0.last) })
  }
}
