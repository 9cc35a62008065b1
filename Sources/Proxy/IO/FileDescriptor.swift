internal import Glibc

/// A file descriptor with one owner, closed when that owner ends.
struct FileDescriptor: ~Copyable {
  let number: Int32

  init(owning number: Int32) {
    precondition(number >= 0, "a descriptor is owned only after the call that made it succeeded")
    self.number = number
  }

  /// Gives the number up to another owner.
  consuming func release() -> Int32 {
    let number = self.number
    discard self
    return number
  }

  deinit { close(number) }
}
