/// Which requests go to the primary, and who reads there what he wrote.
struct MethodSplit {
  /// One for each backend: a pin of one says nothing of another.
  private let cookieName: [UInt8]
  private let readMethods: [[UInt8]]
  private let except: [PathMatch]
  private let pinSeconds: Int64
  private let backend: String
  private let sealer: CookieSealer
  /// Milliseconds that a write waits for a primary.
  let queueWrites: Int64

  init(_ split: ProxyConfiguration.Split, backend: String, _ sealer: CookieSealer) {
    readMethods = split.readMethods.map { Array($0.utf8) }
    except = split.except.map { PathMatch($0) }
    pinSeconds = split.pinAfterWrite.components.seconds
    queueWrites = split.queueWrites == .zero ? 0 : split.queueWrites.milliseconds
    self.backend = backend
    cookieName = Array("gatehouse_pin_\(backend)".utf8)
    self.sealer = sealer
  }

  func isRead(_ method: Span<UInt8>) -> Bool {
    for own in readMethods where own.count == method.count {
      var isSame = true
      for index in own.indices where own[index] != method[index] { isSame = false }
      if isSame { return true }
    }
    return false
  }

  /// `path` normalised.
  func isExcepted(_ path: Span<UInt8>) -> Bool {
    for pattern in except where pattern.matches(path) { return true }
    return false
  }

  /// The client has written so lately that a replica may not have it yet. Its cookie says until
  /// when: `SECONDS.SEAL`; one that we did not seal says nothing.
  func isPinned(_ head: borrowing RequestHead, _ bytes: Span<UInt8>, at time: Int64) -> Bool {
    guard pinSeconds > 0,
      let range = RequestCookies.value(of: cookieName.span, head, bytes), range.count == 33
    else { return false }
    let value = bytes.extracting(range)
    guard value[16] == UInt8(ascii: "."), let until = value.extracting(..<16).hexadecimal,
      let seal = value.extracting(17...).hexadecimal, until <= UInt64(Int64.max)
    else { return false }
    let end = Int64(until)
    // One further ahead than we give is none of ours, whatever its seal.
    guard end > time, end - time <= pinSeconds + 1 else { return false }
    return seal == sealer.pin(backend: backend, until: end)
  }

  /// After a write that went well; nothing where nobody is pinned.
  func setCookie(isTLS: Bool, at time: Int64) -> [UInt8] {
    guard pinSeconds > 0 else { return [] }
    // A second begun counts whole, so that a pin is never shorter than asked for.
    let until = time + pinSeconds + 1
    let value =
      "\(UInt64(until).hexadecimal).\(sealer.pin(backend: backend, until: until).hexadecimal)"
    let secure = isTLS ? "; Secure" : ""
    return Array(
      """
      Set-Cookie: gatehouse_pin_\(backend)=\(value); Path=/; Max-Age=\(pinSeconds + 1); HttpOnly; \
      SameSite=Lax\(secure)\r

      """.utf8)
  }
}
