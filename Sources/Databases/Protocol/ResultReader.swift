/// Rows of text under the names of their columns.
public struct ResultTable: Sendable, Equatable {
  public var columns: [String] = []
  public var rows: [[String?]] = []

  public init() {}

  /// A cell by its column's name; nil also where there is no such column.
  public func cell(_ column: String, row: Int = 0) -> String? {
    guard rows.indices.contains(row), let index = columns.firstIndex(of: column),
      rows[row].indices.contains(index)
    else { return nil }
    return rows[row][index]
  }
}

/// Reads the answer to a query, packet by packet.
///
///     count ──columns──▶ columns ──EOF──▶ rows ──EOF──▶ done
///       └──OK──▶ done    any of them ──error packet──▶ refused
struct ResultReader {
  enum Outcome: Equatable {
    case needsMore
    case done(ResultTable)
    case refused(ServerError)
    case broken(String)
  }

  static let columnLimit = 256
  static let rowLimit = 20_000
  static let byteLimit = 4 << 20

  private enum Phase {
    case count
    case columns(left: Int)
    case endOfColumns
    case rows
  }

  private var phase = Phase.count
  private var table = ResultTable()
  private var byteCount = 0

  mutating func take(_ body: ArraySlice<UInt8>) -> Outcome {
    byteCount += body.count
    guard byteCount <= Self.byteLimit else { return .broken("an answer of more than 4 MiB") }
    if body.first == 0xff {
      return ServerError(reading: body).map(Outcome.refused) ?? .broken("a cut error")
    }
    switch phase {
    case .count: return takeCount(body)
    case .columns(let left): return takeColumn(body, left)
    case .endOfColumns:
      guard Self.isEnd(body) else { return .broken("no end of the columns") }
      phase = .rows
      return .needsMore
    case .rows: return Self.isEnd(body) ? .done(table) : takeRow(body)
    }
  }

  private static func isEnd(_ body: ArraySlice<UInt8>) -> Bool {
    body.first == 0xfe && body.count < 9
  }

  private mutating func takeCount(_ body: ArraySlice<UInt8>) -> Outcome {
    if body.first == 0x00 { return .done(table) }
    var reader = ByteReader(body)
    // 251 asks for a file of ours; we have none to give.
    guard let count = reader.lengthEncodedNumber(), (1...UInt64(Self.columnLimit)).contains(count)
    else { return .broken("an answer that is no table") }
    phase = .columns(left: Int(count))
    return .needsMore
  }

  private mutating func takeColumn(_ body: ArraySlice<UInt8>, _ left: Int) -> Outcome {
    var reader = ByteReader(body)
    for _ in 0..<4 {
      guard reader.lengthEncodedBytes() != nil else { return .broken("a cut column") }
    }
    guard let name = reader.lengthEncodedBytes() else { return .broken("a cut column") }
    table.columns.append(String(decoding: name, as: UTF8.self))
    phase = left > 1 ? .columns(left: left - 1) : .endOfColumns
    return .needsMore
  }

  private mutating func takeRow(_ body: ArraySlice<UInt8>) -> Outcome {
    guard table.rows.count < Self.rowLimit else { return .broken("too many rows") }
    var reader = ByteReader(body)
    var row: [String?] = []
    for _ in table.columns {
      if reader.rest.first == 0xfb {
        _ = reader.byte()
        row.append(nil)
      } else {
        guard let cell = reader.lengthEncodedBytes() else { return .broken("a cut row") }
        row.append(String(decoding: cell, as: UTF8.self))
      }
    }
    guard reader.isAtEnd else { return .broken("a row that goes on after its end") }
    table.rows.append(row)
    return .needsMore
  }
}
