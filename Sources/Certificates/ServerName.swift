internal import COpenSSL
internal import Glibc

/// A name a certificate can bear: a DNS name in lower case, perhaps `*.` in front, or an address.
public enum ServerName: Hashable, Sendable, CustomStringConvertible {
  case dns(String)
  case address([UInt8])

  /// The name a person typed; `nil` where it is neither a DNS name nor an address.
  public init?(_ text: String) {
    if let bytes = Self.addressBytes(text) {
      self = .address(bytes)
      return
    }
    let name = text.lowercased()
    let body = name.hasPrefix("*.") ? name.dropFirst(2) : name[...]
    let labels = body.split(separator: ".", omittingEmptySubsequences: false)
    guard name.utf8.count <= 253, labels.allSatisfy(Self.isLabel),
      let last = labels.last, !last.allSatisfy(\.isNumber)
    else { return nil }
    self = .dns(name)
  }

  public var description: String {
    switch self {
    case .dns(let name): name
    case .address(let bytes): Self.addressText(bytes)
    }
  }

  /// Whether a certificate with this name serves `other`: itself, or one label below `*.`.
  func covers(_ other: ServerName) -> Bool {
    if self == other { return true }
    guard case .dns(let pattern) = self, case .dns(let name) = other, pattern.hasPrefix("*."),
      !name.hasPrefix("*."), let dot = name.firstIndex(of: ".")
    else { return false }
    return name[dot...] == pattern.dropFirst()
  }

  /// As OpenSSL reads it in a `subjectAltName` value; a checked name holds no comma or colon.
  var alternativeName: String {
    switch self {
    case .dns(let name): "DNS:\(name)"
    case .address: "IP:\(self)"
    }
  }

  private static func isLabel(_ label: Substring) -> Bool {
    let bytes = label.utf8
    guard (1...63).contains(bytes.count), bytes.first != 0x2d, bytes.last != 0x2d else {
      return false
    }
    return bytes.allSatisfy {
      (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d || $0 == 0x5f
    }
  }

  private static func addressBytes(_ text: String) -> [UInt8]? {
    guard !text.utf8.contains(0) else { return nil }
    var bytes = [UInt8](repeating: 0, count: 16)
    if unsafe inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes.prefix(4)) }
    if unsafe inet_pton(AF_INET6, text, &bytes) == 1 { return bytes }
    return nil
  }

  private static func addressText(_ bytes: [UInt8]) -> String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let family = bytes.count == 4 ? AF_INET : AF_INET6
    guard bytes.count == 4 || bytes.count == 16,
      unsafe inet_ntop(family, bytes, &text, socklen_t(text.count)) != nil
    else { return bytes.hex }
    return String(
      decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

extension X509Certificate {
  /// The names in the certificate, in its order; odd ones, such as those with a NUL, left out.
  var names: [ServerName] {
    guard let value = unsafe X509_get_ext_d2i(pointer, NID_subject_alt_name, nil, nil) else {
      ERR_clear_error()
      return []
    }
    let list = OpaquePointer(value)
    defer { unsafe GENERAL_NAMES_free(list) }
    let count = unsafe max(0, gatehouse_sk_GENERAL_NAME_num(list))
    return (0..<count).compactMap { index in
      let name = unsafe gatehouse_sk_GENERAL_NAME_value(list, index)
      if let dns = unsafe gatehouse_GENERAL_NAME_dns(name) {
        // An address written as a DNS name matches nothing.
        guard
          case .dns(let text)? = unsafe ServerName(String(decoding: Self.bytes(dns), as: UTF8.self))
        else { return nil }
        return .dns(text)
      }
      guard let address = unsafe gatehouse_GENERAL_NAME_ip(name) else { return nil }
      let bytes = unsafe Self.bytes(address)
      return bytes.count == 4 || bytes.count == 16 ? .address(bytes) : nil
    }
  }
}
