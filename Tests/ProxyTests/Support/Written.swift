@testable import Proxy

/// What `write` puts out where there is room for `capacity` bytes.
func written(capacity: Int = 16 << 10, _ write: (inout OutputSpan<UInt8>) -> Void) -> String {
  let buffer = ByteBuffer(capacity: capacity)
  defer { buffer.free() }
  var output = buffer.output(at: 0)
  write(&output)
  let count = output.count
  return String(copying: buffer.bytes(0..<count))
}
