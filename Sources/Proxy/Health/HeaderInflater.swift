internal import CNghttp2

/// HPACK (RFC 7541), read by nghttp2.
@safe final class HeaderInflater {
  private let inflater: OpaquePointer

  /// Of one block.
  static let fieldLimit = 200

  /// Nil when memory is short.
  init?() {
    var made: OpaquePointer?
    guard unsafe nghttp2_hd_inflate_new(&made) == 0, let made = unsafe made else { return nil }
    unsafe inflater = made
  }

  deinit { unsafe nghttp2_hd_inflate_del(inflater) }

  /// The fields of a whole block, nil when it is malformed or has too many.
  func inflate(_ block: [UInt8]) -> [(name: String, value: String)]? {
    var fields: [(name: String, value: String)] = []
    var position = 0
    while true {
      var field = unsafe nghttp2_nv()
      var flags: Int32 = 0
      let used = unsafe block.withUnsafeBufferPointer { bytes in
        let start = unsafe bytes.baseAddress.map { unsafe $0 + position }
        return unsafe nghttp2_hd_inflate_hd2(
          inflater, &field, &flags, start, bytes.count - position, 1)
      }
      guard used >= 0 else { return nil }
      position += used
      if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
        guard fields.count < Self.fieldLimit else { return nil }
        let name = unsafe text(field.name, field.namelen)
        fields.append((name, unsafe text(field.value, field.valuelen)))
        continue
      }
      if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 {
        unsafe nghttp2_hd_inflate_end_headers(inflater)
        return fields
      }
      guard position < block.count else { return nil }
    }
  }

  private func text(_ start: UnsafeMutablePointer<UInt8>?, _ count: Int) -> String {
    unsafe String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }
}
