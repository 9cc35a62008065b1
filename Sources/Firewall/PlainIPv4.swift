import CNftables

/// What lists of a million consist of: intervals of IPv4 addresses that have no end in time, a start and an
/// end of which each takes 40 bytes, of which only the keys differ. Packed and read back in runs: one by one, as
/// any element is, they cost ten times as much.
enum PlainIPv4 {
  typealias Intervals = ArraySlice<AddressInterval<UInt32>>

  static let byteCount = 40
  /// Where the keys lie: the first address, and the one after the last.
  private static let startOffset = 12
  private static let endOffset = 36

  /// As any interval is packed, with zeroes for its keys.
  private static let template: [UInt8] = {
    var list: [UInt8] = []
    list.appendNested(NFTA_LIST_ELEM.rawValue) { ElementPacking.appendKey(0, .ipv4, to: &$0) }
    ElementPacking.appendEnd(0, .ipv4, to: &list)
    return list
  }()

  /// As many as a list of the kernel's holds, so that a run is one copy and its keys.
  private static let templates: [UInt8] = Array(
    repeatElement(template, count: ElementPacking.listByteLimit / byteCount + 1).joined())

  /// The plain intervals from a place counted from 0 on, up to the first that is not.
  static func run(of intervals: Intervals, from index: Int, atMost limit: Int) -> Intervals {
    let start = intervals.startIndex + index
    guard start < intervals.endIndex else { return [] }
    var end = start
    let last = min(intervals.endIndex, start + min(limit, templates.count / byteCount))
    while end < last, isPlain(intervals[end]) { end += 1 }
    return intervals[start..<end]
  }

  static func append(_ run: Intervals, to list: inout [UInt8]) {
    let start = list.count
    list.append(contentsOf: templates[..<(run.count * byteCount)])
    unsafe list.withUnsafeMutableBytes { bytes in
      var offset = start
      for interval in run {
        unsafe bytes.storeBytes(
          of: interval.first.bigEndian, toByteOffset: offset + startOffset, as: UInt32.self)
        unsafe bytes.storeBytes(
          of: (interval.last + 1).bigEndian, toByteOffset: offset + endOffset, as: UInt32.self)
        offset += byteCount
      }
    }
  }

  /// How many intervals from a place on are packed at the offset, byte by byte as they should be; the
  /// offset is moved behind them. What is not one of them, whatever it is, is left to others.
  static func matching(
    _ bytes: borrowing Span<UInt8>, _ offset: inout Int, _ intervals: Intervals, from index: Int
  ) -> Int {
    let start = intervals.startIndex + index
    guard start < intervals.endIndex, let form else { return 0 }
    let raw = unsafe bytes.bytes
    var place = start
    while place < intervals.endIndex, offset + byteCount <= raw.byteCount,
      isPlain(intervals[place]), form.isPacked(intervals[place], raw, offset)
    {
      offset += byteCount
      place += 1
    }
    return place - start
  }

  private static func isPlain(_ interval: AddressInterval<UInt32>) -> Bool {
    interval.until == nil && interval.last < .max
  }

  /// Nil should the template not be read as a start and an end: then nothing is taken for one.
  private static let form = Form(template)

  /// The template in words of eight bytes, as the machine loads them.
  private struct Form {
    private let words: (UInt64, UInt64, UInt64, UInt64, UInt64)
    /// Of the second half of a word in memory.
    private static let halfShift: UInt64 = 1.bigEndian == 1 ? 0 : 32

    init?(_ template: [UInt8]) {
      guard template.count == byteCount,
        ElementPacking.boundaries(in: template[...]) == [
          .init(key: 0, isEnd: false), .init(key: 0, isEnd: true),
        ]
      else { return nil }
      let bytes = unsafe template.span.bytes
      unsafe words = (
        bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self),
        bytes.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt64.self),
        bytes.unsafeLoadUnaligned(fromByteOffset: 16, as: UInt64.self),
        bytes.unsafeLoadUnaligned(fromByteOffset: 24, as: UInt64.self),
        bytes.unsafeLoadUnaligned(fromByteOffset: 32, as: UInt64.self)
      )
    }

    /// Every byte of the forty is compared; the keys lie in the second halves of two words.
    func isPacked(
      _ interval: AddressInterval<UInt32>, _ bytes: RawSpan, _ offset: Int
    ) -> Bool {
      let first = UInt64(interval.first.bigEndian) << Self.halfShift
      let end = UInt64((interval.last + 1).bigEndian) << Self.halfShift
      return unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self) == words.0
        && bytes.unsafeLoadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)
          == words.1 | first
        && bytes.unsafeLoadUnaligned(fromByteOffset: offset + 16, as: UInt64.self) == words.2
        && bytes.unsafeLoadUnaligned(fromByteOffset: offset + 24, as: UInt64.self) == words.3
        && bytes.unsafeLoadUnaligned(fromByteOffset: offset + 32, as: UInt64.self)
          == words.4 | end
    }
  }
}
