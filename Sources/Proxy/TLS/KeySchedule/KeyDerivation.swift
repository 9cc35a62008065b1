internal import COpenSSL
internal import Glibc

/// One step of TLS 1.3's key schedule (RFC 8446, section 7.1), from the parameters that OpenSSL gives
/// to a "TLS13-KDF": HKDF-Expand-Label, or the next stage's HKDF-Extract out of the one before.
@unsafe struct KeyDerivation {
  private enum Digest { case sha256, sha384 }

  private var mode: Int32 = 0
  private var digest: Digest?
  /// To expand, the secret. To extract, what is new; zeros where nothing is.
  private var key: UnsafeRawBufferPointer?
  /// To extract: the secret of the stage before; nil before the first.
  private var salt: UnsafeRawBufferPointer?
  private var prefix: UnsafeRawBufferPointer?
  private var label: UnsafeRawBufferPointer?
  private var data: UnsafeRawBufferPointer?

  /// From OpenSSL's list, which ends with a name that is nil; nil for one of another kind than it has
  /// to be. Unknown ones change nothing.
  init?(_ parameters: UnsafePointer<OSSL_PARAM>) {
    var next = unsafe parameters
    while let name = unsafe next.pointee.key {
      guard unsafe take(next.pointee, name) else { return nil }
      unsafe next += 1
    }
  }

  /// Fills `result`: by an extract a whole digest, by an expand at most that much.
  func derive(into result: UnsafeMutableRawBufferPointer) -> Bool {
    switch unsafe digest {
    case .sha256: unsafe derive(SHA256_CTX.self, into: result)
    case .sha384: unsafe derive(SHA512_CTX.self, into: result)
    case nil: false
    }
  }

  private mutating func take(_ parameter: OSSL_PARAM, _ name: UnsafePointer<CChar>) -> Bool {
    // The first letter tells most of them apart: a handshake asks for 180 of them.
    switch unsafe UInt8(bitPattern: name[0]) {
    case UInt8(ascii: "m"):
      guard unsafe Self.isSame(name, "mode") else { return true }
      guard unsafe parameter.data_type == UInt32(OSSL_PARAM_INTEGER),
        unsafe parameter.data_size == MemoryLayout<Int32>.size, let value = unsafe parameter.data
      else { return false }
      unsafe mode = value.loadUnaligned(as: Int32.self)
      return true
    case UInt8(ascii: "d"):
      if unsafe Self.isSame(name, "data") { return unsafe Self.take(parameter, as: &data) }
      guard unsafe Self.isSame(name, "digest") else { return true }
      guard unsafe parameter.data_type == UInt32(OSSL_PARAM_UTF8_STRING),
        let text = unsafe parameter.data
      else { return false }
      unsafe digest = Self.digest(text.assumingMemoryBound(to: CChar.self))
      return unsafe digest != nil
    case UInt8(ascii: "k"):
      return unsafe !Self.isSame(name, "key") || Self.take(parameter, as: &key)
    case UInt8(ascii: "s"):
      return unsafe !Self.isSame(name, "salt") || Self.take(parameter, as: &salt)
    case UInt8(ascii: "p"):
      return unsafe !Self.isSame(name, "prefix") || Self.take(parameter, as: &prefix)
    case UInt8(ascii: "l"):
      return unsafe !Self.isSame(name, "label") || Self.take(parameter, as: &label)
    default: return true
    }
  }

  private static func take(
    _ parameter: OSSL_PARAM, as part: inout UnsafeRawBufferPointer?
  ) -> Bool {
    guard unsafe parameter.data_type == UInt32(OSSL_PARAM_OCTET_STRING),
      let start = unsafe parameter.data
    else { return false }
    unsafe part = UnsafeRawBufferPointer(start: start, count: parameter.data_size)
    return true
  }

  private static func digest(_ name: UnsafePointer<CChar>) -> Digest? {
    if unsafe isSame(name, "SHA2-256") || isSame(name, "SHA256") { return .sha256 }
    if unsafe isSame(name, "SHA2-384") || isSame(name, "SHA384") { return .sha384 }
    return nil
  }

  private static func isSame(_ name: UnsafePointer<CChar>, _ other: StaticString) -> Bool {
    unsafe strcmp(name, other.cString) == 0
  }

  private func derive<Hash: ScheduleHash>(
    _: Hash.Type, into result: UnsafeMutableRawBufferPointer
  ) -> Bool {
    // Room for the digest, and behind it for the secret between two stages.
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2 * Hash.digestCount) { room in
      defer { unsafe OPENSSL_cleanse(room.baseAddress, room.count) }
      guard let digest = room.baseAddress else { return false }
      switch unsafe mode {
      case EVP_KDF_HKDF_MODE_EXPAND_ONLY:
        guard let key = unsafe key, result.count > 0, result.count <= Hash.digestCount,
          unsafe expand(Hash.self, key, data, count: result.count, into: digest)
        else { return false }
      case EVP_KDF_HKDF_MODE_EXTRACT_ONLY:
        guard result.count == Hash.digestCount, unsafe extract(Hash.self, into: digest) else {
          return false
        }
      default: return false
      }
      unsafe result.copyMemory(from: UnsafeRawBufferPointer(start: digest, count: result.count))
      return true
    }
  }

  /// HKDF-Expand-Label; its first block is enough for whatever the schedule derives.
  private func expand<Hash: ScheduleHash>(
    _: Hash.Type, _ secret: UnsafeRawBufferPointer, _ context: UnsafeRawBufferPointer?,
    count: Int, into digest: UnsafeMutablePointer<UInt8>
  ) -> Bool {
    let parts = unsafe (prefix?.count ?? 0, label?.count ?? 0, context?.count ?? 0)
    guard parts.0 + parts.1 <= 255, parts.2 <= 255 else { return false }
    let total = 5 + parts.0 + parts.1 + parts.2
    return unsafe withUnsafeTemporaryAllocation(byteCount: total, alignment: 1) { info in
      unsafe info[0] = UInt8(truncatingIfNeeded: count >> 8)
      unsafe info[1] = UInt8(truncatingIfNeeded: count)
      unsafe info[2] = UInt8(parts.0 + parts.1)
      var position = 3
      unsafe Self.put(prefix, info, &position)
      unsafe Self.put(label, info, &position)
      unsafe info[position] = UInt8(parts.2)
      position += 1
      unsafe Self.put(context, info, &position)
      // The number of the block (RFC 5869, section 2.3).
      unsafe info[position] = 1
      return unsafe Hash.authenticate(UnsafeRawBufferPointer(info), key: secret, into: digest)
    }
  }

  /// The next stage's secret, in the front of `room`.
  private func extract<Hash: ScheduleHash>(
    _: Hash.Type, into room: UnsafeMutablePointer<UInt8>
  ) -> Bool {
    let between = unsafe room + Hash.digestCount
    var secret = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    if let before = unsafe salt {
      let isDone = unsafe Hash.ofNothing.withUnsafeBytes {
        unsafe expand(Hash.self, before, $0, count: Hash.digestCount, into: between)
      }
      guard isDone, Hash.ofNothing.count == Hash.digestCount else { return false }
      unsafe secret = UnsafeRawBufferPointer(start: between, count: Hash.digestCount)
    }
    if let new = unsafe key { return unsafe Hash.authenticate(new, key: secret, into: room) }
    let count = Hash.digestCount
    return unsafe withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { zeros in
      unsafe zeros.initializeMemory(as: UInt8.self, repeating: 0)
      return unsafe Hash.authenticate(UnsafeRawBufferPointer(zeros), key: secret, into: room)
    }
  }

  private static func put(
    _ bytes: UnsafeRawBufferPointer?, _ info: UnsafeMutableRawBufferPointer, _ position: inout Int
  ) {
    guard let bytes = unsafe bytes, bytes.count > 0 else { return }
    unsafe UnsafeMutableRawBufferPointer(rebasing: info[position...]).copyMemory(from: bytes)
    position += bytes.count
  }
}
