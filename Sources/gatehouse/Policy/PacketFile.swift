import Firewall
import Foundation

/// A CSV file of packets: a line that names the columns, then one for each packet.
struct PacketFile {
  private static let byteLimit = 64 << 20
  private static let columns = [
    "from", "to", "host", "path", "at", "hop_limit", "fragment", "expect",
  ]

  private struct Cell {
    let text: String
    /// Where it begins; columns of a line count from 1.
    let column: Int
  }

  let path: String
  let minutes: TypedMinutes

  func rows() throws -> [Simulation.Row] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw CommandFailure("cannot read \(path): \(unsafe String(cString: strerror(errno)))")
    }
    guard data.count <= Self.byteLimit else {
      throw CommandFailure("\(path) is larger than 64 MiB")
    }
    return try rows(of: data)
  }

  private func rows(of data: Data) throws -> [Simulation.Row] {
    // As other programs begin a file of UTF-8.
    let mark: [UInt8] = [0xef, 0xbb, 0xbf]
    let bytes = data.starts(with: mark) ? data.dropFirst(mark.count) : data
    // "\r\n" is one Character, and no "\n".
    let lines = String(decoding: bytes, as: UTF8.self).split(
      omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    let names = try names(Self.cells(lines.first ?? ""))
    var rows: [Simulation.Row] = []
    for (index, line) in lines.enumerated().dropFirst() where !line.allSatisfy(\.isWhitespace) {
      rows.append(try Line(self, index + 1, Self.cells(line), names).row())
    }
    guard !rows.isEmpty else {
      throw CommandFailure("\(path):\(lines.count):1: there is no packet; write one a line")
    }
    return rows
  }

  private static func cells(_ line: Substring) -> [Cell] {
    var column = 1
    return line.split(separator: ",", omittingEmptySubsequences: false).map { piece in
      let cell = Cell(
        text: piece.trimmingCharacters(in: .whitespaces.union(["\""])), column: column)
      column += piece.count + 1
      return cell
    }
  }

  private func names(_ cells: [Cell]) throws -> [String] {
    var names: [String] = []
    for cell in cells where cells.count > 1 {
      let place = "\(path):1:\(cell.column)"
      guard Self.columns.contains(cell.text) else {
        throw CommandFailure(
          "\(place): unknown column \"\(cell.text)\"; allowed: \(Self.columns.joined(separator: ", "))"
        )
      }
      guard !names.contains(cell.text) else {
        throw CommandFailure("\(place): column \"\(cell.text)\" is named twice; name it once")
      }
      names.append(cell.text)
    }
    guard names.contains("from"), names.contains("to") else {
      throw CommandFailure("\(path):1:1: the first line must name the columns from and to")
    }
    return names
  }

  /// One packet.
  private struct Line {
    private let file: PacketFile
    private let number: Int
    private let cells: [String: Cell]

    init(_ file: PacketFile, _ number: Int, _ cells: [Cell], _ names: [String]) throws {
      guard cells.count == names.count else {
        let column = cells[min(cells.count - 1, names.count)].column
        throw CommandFailure(
          "\(file.path):\(number):\(column): \(cells.count) cell(s), but the first line names "
            + "\(names.count) columns; write one for each, also where it is empty")
      }
      self.file = file
      self.number = number
      self.cells = Dictionary(uniqueKeysWithValues: zip(names, cells))
    }

    func row() throws -> Simulation.Row {
      let to = filled("to") ?? ""
      guard let source = PacketText.address(filled("from") ?? "") else {
        throw wrong("from", "is no address; allowed: \(PacketText.addresses)")
      }
      guard let content = Packet.Content(parsing: to) else {
        throw wrong("to", "is no port; allowed: \(PacketText.contents)")
      }
      var packet = Packet(from: source, content)
      if let text = filled("hop_limit") {
        guard let limit = UInt8(text) else {
          throw wrong("hop_limit", "is no hop limit; allowed: 0 to 255")
        }
        packet.hopLimit = limit
      }
      var row = Simulation.Row(packet, to: to, host: filled("host"), path: filled("path") ?? "/")
      row.isFragmented = try isFragmented()
      if let text = filled("at") {
        guard let time = file.minutes.time(text) else {
          throw wrong("at", "is no minute; allowed: \(file.minutes.allowed)")
        }
        row.at = time
      }
      if let text = filled("expect") {
        guard let expect = Simulation.Verdict(rawValue: text) else {
          throw wrong("expect", "is no verdict; allowed: allow, deny")
        }
        row.expect = expect
      }
      return row
    }

    private func isFragmented() throws -> Bool {
      switch filled("fragment") {
      case nil, "no": return false
      case "yes": return true
      default: throw wrong("fragment", "is neither yes nor no; allowed: yes, no")
      }
    }

    private func filled(_ name: String) -> String? {
      cells[name].flatMap { $0.text.isEmpty ? nil : $0.text }
    }

    private func wrong(_ name: String, _ what: String) -> CommandFailure {
      let cell = cells[name]
      return CommandFailure(
        "\(file.path):\(number):\(cell?.column ?? 1): \"\(cell?.text ?? "")\" \(what)")
    }
  }
}
