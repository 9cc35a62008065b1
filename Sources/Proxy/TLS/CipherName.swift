internal import COpenSSL
internal import Glibc

/// The name of a cipher suite, as OpenSSL keeps it for as long as the process lives.
@safe struct CipherName {
  private static let limit = 64

  private let text: UnsafePointer<CChar>?

  init(_ cipher: OpaquePointer?) {
    unsafe text = cipher == nil ? nil : SSL_CIPHER_get_name(cipher)
  }

  /// At most 64 bytes.
  func write(into output: inout OutputSpan<UInt8>) {
    guard let text = unsafe text else { return }
    for index in 0..<Self.limit {
      let byte = unsafe UInt8(bitPattern: text[index])
      guard byte != 0 else { return }
      output.append(byte)
    }
  }
}
