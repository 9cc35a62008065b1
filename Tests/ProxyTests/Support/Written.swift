@testable import Proxy

/// What `write` puts out where there is room for `capacity` bytes.
func writtenBytes(
  capacity: Int = 16 << 10, _ write: (inout OutputSpan<UInt8>) -> Void
) -> [UInt8] {
  let buffer = ByteBuffer(capacity: capacity)
  defer { buffer.free() }
  var output = buffer.output(at: 0)
  write(&output)
  let count = output.count
  return [UInt8](copying: buffer.bytes(0..<count))
}

/// The same as text.
func written(capacity: Int = 16 << 10, _ write: (inout OutputSpan<UInt8>) -> Void) -> String {
  String(decoding: writtenBytes(capacity: capacity, write), as: UTF8.self)
}
