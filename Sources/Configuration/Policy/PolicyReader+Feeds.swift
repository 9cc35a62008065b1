import Firewall
import Foundation

extension PolicyReader {
  typealias Feed = FirewallPolicy.Feed

  static let feedByteLimit = 256 << 20

  /// The networks of a group's file; or, where it can't be used and the policy says so, of the last
  /// apply.
  func feed(_ map: MapReader, _ group: String) -> Feed? {
    guard let path = map.path(GroupFields.file), let place = map[GroupFields.file]?.place
    else { return nil }
    let keepsLast = map.choice(GroupFields.onError) == "keep-last"
    let own = Problems()
    let feed = read(path, map, place, own)
    guard !own.isEmpty, keepsLast else {
      problems.add(own)
      return feed
    }
    // Whatever is wrong with the file, an older list is better than none.
    let reason = own.firstLine.map { " (\($0))" } ?? ""
    guard let last = lastFeed(group, path) else {
      problems.add(own)
      return nil
    }
    problems.warning(
      place,
      "\"\(path.shortened)\" can't be used\(reason); the \(last.entryCount) entries of the last apply are kept"
    )
    return last
  }

  private func read(
    _ path: String, _ map: MapReader, _ place: SourcePlace, _ own: Problems
  ) -> Feed? {
    let least = map.integer(GroupFields.minEntries) ?? 1
    let most = map.integer(GroupFields.maxEntries) ?? 200_000
    do throws(FileReader.Failure) {
      let bytes = try FileReader.read(path, limit: Self.feedByteLimit).bytes
      let reader = FeedReader(bytes, most: most)
      for problem in reader.problems {
        own.error(
          SourcePlace(file: path, line: problem.line, column: problem.column), problem.text)
      }
      if reader.entryCount > most {
        own.error(
          place, "more than \(most) entries in \"\(path)\"; raise max_entries if that is right")
      } else if reader.problems.isEmpty, reader.entryCount < least {
        own.error(
          place,
          "\(reader.entryCount) entries in \"\(path)\", at least \(least) expected; "
            + "fetch it again, or lower min_entries")
      }
      checkAge(path, map, place, own)
      return Feed(
        path: path, entryCount: reader.entryCount,
        addresses: AddressSet(ipv4: reader.ipv4, ipv6: reader.ipv6))
    } catch {
      own.error(place, "cannot read \"\(path.shortened)\": \(error.text)")
      return nil
    }
  }

  private func checkAge(
    _ path: String, _ map: MapReader, _ place: SourcePlace, _ own: Problems
  ) {
    guard let span = map.duration(GroupFields.maxAge) else { return }
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    guard let written = attributes?[.modificationDate] as? Date else { return }
    let age = now - Int64(written.timeIntervalSince1970)
    guard age > span.components.seconds else { return }
    own.error(
      place,
      "\"\(path.shortened)\" was written \(TimeSpan.text(.seconds(age / 3600 * 3600))) ago, "
        + "at most \(TimeSpan.text(span)) is allowed; fetch it again, or raise max_age")
  }

  private func lastFeed(_ group: String, _ path: String) -> Feed? {
    guard let lastFeeds, group.isName,
      case let file = KeptFeed.path(in: lastFeeds, group),
      let data = FileManager.default.contents(atPath: file),
      let addresses = AddressSet(kept: Array(data), isText: KeptFeed.isText(file))
    else { return nil }
    return Feed(
      path: path, entryCount: addresses.ipv4.count + addresses.ipv6.count, addresses: addresses)
  }
}

/// Where the list of a group lies that an apply has kept.
public enum KeptFeed {
  public static func name(_ group: String) -> String { "\(group).list" }

  /// Of an older version.
  public static func isText(_ file: String) -> Bool { file.hasSuffix(".txt") }

  /// Generations of older versions have it as text.
  public static func path(in folder: String, _ group: String) -> String {
    let text = "\(folder)/\(group).txt"
    let file = "\(folder)/\(name(group))"
    return unsafe access(file, F_OK) != 0 && access(text, F_OK) == 0 ? text : file
  }
}
