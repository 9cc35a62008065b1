internal import COpenSSL

/// Bytes as OpenSSL reads and writes them.
@safe struct MemoryBIO: ~Copyable {
  let pointer: OpaquePointer

  init(holding bytes: [UInt8] = []) throws(CertificateError) {
    guard let bio = unsafe BIO_new(BIO_s_mem()) else {
      throw .openSSL("openssl", "no memory for a buffer")
    }
    let written = unsafe bytes.withUnsafeBytes {
      unsafe $0.isEmpty ? 0 : BIO_write(bio, $0.baseAddress, Int32(clamping: $0.count))
    }
    guard Int(written) == bytes.count else {
      unsafe BIO_free(bio)
      throw .openSSL("openssl", "no memory for a buffer")
    }
    unsafe pointer = unsafe bio
  }

  deinit { unsafe BIO_free(pointer) }

  /// Everything written so far, taken out.
  func takeBytes() -> [UInt8] {
    let count = unsafe BIO_ctrl_pending(pointer)
    guard count > 0 else { return [] }
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      let taken = unsafe BIO_read(pointer, buffer.baseAddress, Int32(clamping: count))
      filled = max(0, Int(taken))
    }
  }
}
