internal import COpenSSL
internal import Glibc

/// OpenSSL's random bytes, straight from the kernel's generator (getrandom of <sys/random.h>).
///
/// OpenSSL 3.0's own generator, which the kernel seeds, asks for its process five times in a handshake
/// and takes 2.6 % of a resumed one; the kernel's takes half of that (docs/performance.md), and there is no state in the
/// process that could be copied or leak.
enum KernelRandom {
  /// For whoever uses OpenSSL in this process. Nothing changes where the kernel gives none, or where
  /// another one than OpenSSL's own was chosen, such as that of an engine.
  static func install() {
    var probe: UInt64 = 0
    let isThere = unsafe withUnsafeMutableBytes(of: &probe) { unsafe fill($0) }
    guard isThere, unsafe gatehouse_RAND_get_rand_method() == gatehouse_RAND_OpenSSL() else {
      return
    }
    _ = unsafe gatehouse_RAND_set_rand_method(method.pointer)
  }

  static var isInstalled: Bool {
    unsafe gatehouse_RAND_get_rand_method() == UnsafePointer(method.pointer)
  }

  /// False, with anything in it, where the kernel gives none.
  @unsafe fileprivate static func fill(_ room: UnsafeMutableRawBufferPointer) -> Bool {
    var done = 0
    while done < room.count {
      let count = min(atOnce, room.count - done)
      let part = unsafe UnsafeMutableRawBufferPointer(rebasing: room[done..<done + count])
      guard let start = part.baseAddress, unsafe getentropy(start, count) == 0 else {
        return false
      }
      done += count
    }
    return true
  }

  /// getentropy gives no more, and is not interrupted.
  private static let atOnce = 256

  private static let method = RandomMethod()
}

/// What OpenSSL is given stays for as long as the process runs, and is never written again.
@safe private struct RandomMethod: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<RAND_METHOD>

  init() {
    unsafe pointer = UnsafeMutablePointer<RAND_METHOD>.allocate(capacity: 1)
    unsafe pointer.initialize(
      to: RAND_METHOD(
        // Nobody's seed makes the kernel's better.
        seed: { _, _ in 1 }, bytes: giveRandom, cleanup: {}, add: { _, _, _ in 1 },
        pseudorand: giveRandom, status: { 1 }))
  }
}

private let giveRandom: @convention(c) (UnsafeMutablePointer<UInt8>?, Int32) -> Int32 = {
  bytes, count in
  guard count >= 0 else { return 0 }
  let room = unsafe UnsafeMutableRawBufferPointer(
    start: bytes, count: bytes == nil ? 0 : Int(count))
  return unsafe room.count == Int(count) && KernelRandom.fill(room) ? 1 : 0
}
