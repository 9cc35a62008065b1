public import Foundation

extension PolicyFile {
  /// The time zone of a policy's days and hours, as its file names it; UTC where it names none.
  public static func zone(of path: String) -> TimeZone {
    // What is wrong with the file is told by who reads it whole.
    let problems = Problems()
    guard let root = YAMLDocument.read(path, problems),
      let map = MapReader(root, PolicyFields.section, label: "", problems),
      let name = map.text(PolicyFields.timezone)
    else { return .gmt }
    return TimeZone(identifier: name) ?? .gmt
  }
}
