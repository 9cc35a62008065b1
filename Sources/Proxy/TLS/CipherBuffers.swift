internal import COpenSSL
internal import Glibc

/// The ciphertext of the one connection that a worker is looking at: what came in and what is to go
/// out. All of a worker's TLS connections share it through one BIO, so none of them holds memory.
///
/// `SSL_set_fd` costs 1.03-1.28 of this and memory BIOs 1.03-1.16 (docs/performance.md).
@safe struct CipherBuffers: ~Copyable {
  /// What one receive may bring.
  static let incomingCapacity = 256 << 10
  /// What one turn may encrypt: its plaintext, and 1/16 over it for record headers and tags.
  static let outgoingCapacity = 384 << 10

  /// What the BIO's callbacks see.
  @unsafe fileprivate struct Window {
    var incoming: UnsafeMutablePointer<UInt8>
    var incomingStart = 0
    var incomingEnd = 0
    var outgoing: UnsafeMutablePointer<UInt8>
    var outgoingEnd = 0
  }

  private let window: UnsafeMutablePointer<Window>
  private let method: OpaquePointer
  fileprivate let bio: OpaquePointer

  private init(
    _ window: UnsafeMutablePointer<Window>, _ method: OpaquePointer, _ bio: OpaquePointer
  ) {
    unsafe self.window = window
    unsafe self.method = method
    unsafe self.bio = bio
  }

  /// Nil when memory is short.
  static func make() -> CipherBuffers? {
    guard let method = unsafe BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "gatehouse")
    else { return nil }
    unsafe BIO_meth_set_read(method, readFromWindow)
    unsafe BIO_meth_set_write(method, writeToWindow)
    unsafe BIO_meth_set_ctrl(method, controlWindow)
    guard let bio = unsafe BIO_new(method) else { return nil }
    let window = UnsafeMutablePointer<Window>.allocate(capacity: 1)
    unsafe window.initialize(
      to: Window(
        incoming: .allocate(capacity: incomingCapacity),
        outgoing: .allocate(capacity: outgoingCapacity)))
    unsafe BIO_set_data(bio, window)
    unsafe BIO_set_init(bio, 1)
    return unsafe CipherBuffers(window, method, bio)
  }

  deinit {
    unsafe BIO_free(bio)
    unsafe BIO_meth_free(method)
    unsafe window.pointee.incoming.deallocate()
    unsafe window.pointee.outgoing.deallocate()
    unsafe window.deallocate()
  }

  /// All ciphertext received has gone into OpenSSL.
  var isDrained: Bool {
    unsafe window.pointee.incomingStart == window.pointee.incomingEnd
  }

  /// Receives into the empty window.
  mutating func receive(from socket: borrowing Socket) -> ReceiveOutcome {
    let outcome = unsafe socket.receive(
      into: UnsafeMutableRawBufferPointer(
        start: window.pointee.incoming, count: Self.incomingCapacity))
    reset()
    if case .bytes(let count) = outcome {
      unsafe window.pointee.incomingEnd = count
    }
    return outcome
  }

  /// Ciphertext that waits to be sent.
  var outgoing: Span<UInt8> {
    @_lifetime(borrow self)
    get {
      let span = unsafe Span(
        _unsafeStart: UnsafePointer(window.pointee.outgoing), count: window.pointee.outgoingEnd)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// Forgets all of it: a connection that failed may have left something behind, and the next must
  /// not take that for its own.
  mutating func reset() {
    unsafe window.pointee.incomingStart = 0
    unsafe window.pointee.incomingEnd = 0
    unsafe window.pointee.outgoingEnd = 0
  }

  mutating func clearOutgoing() { unsafe window.pointee.outgoingEnd = 0 }

  /// Makes `ssl` read and write here.
  func attach(_ ssl: OpaquePointer) {
    unsafe BIO_up_ref(bio)
    unsafe SSL_set_bio(ssl, bio, bio)
  }
}

private func window(of bio: OpaquePointer?) -> UnsafeMutablePointer<CipherBuffers.Window>? {
  unsafe BIO_get_data(bio)?.assumingMemoryBound(to: CipherBuffers.Window.self)
}

private let readFromWindow:
  @convention(c) (OpaquePointer?, UnsafeMutablePointer<CChar>?, Int32) -> Int32 = {
    bio, target, size in
    unsafe BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
    guard let window = unsafe window(of: bio), let target = unsafe target else { return -1 }
    let count = unsafe min(
      Int(size), window.pointee.incomingEnd - window.pointee.incomingStart)
    guard count > 0 else {
      unsafe BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
      return -1
    }
    unsafe memcpy(target, window.pointee.incoming + window.pointee.incomingStart, count)
    unsafe window.pointee.incomingStart += count
    return Int32(count)
  }

private let writeToWindow: @convention(c) (OpaquePointer?, UnsafePointer<CChar>?, Int32) -> Int32 =
  { bio, source, size in
    unsafe BIO_clear_flags(bio, BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
    guard let window = unsafe window(of: bio), let source = unsafe source, size > 0 else {
      return -1
    }
    let room = unsafe CipherBuffers.outgoingCapacity - window.pointee.outgoingEnd
    guard Int(size) <= room else {
      unsafe BIO_set_flags(bio, BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
      return -1
    }
    unsafe memcpy(window.pointee.outgoing + window.pointee.outgoingEnd, source, Int(size))
    unsafe window.pointee.outgoingEnd += Int(size)
    return size
  }

private let controlWindow:
  @convention(c) (OpaquePointer?, Int32, Int, UnsafeMutableRawPointer?) -> Int = {
    _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0
  }
