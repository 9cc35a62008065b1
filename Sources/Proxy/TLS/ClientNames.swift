internal import COpenSSL

/// Who a client's certificate says he is: the mail addresses, DNS names and URIs it was issued for,
/// or its common name where it has no alternative names at all.
///
/// A name matches only what was written for its kind (`match`): an authority that vouches for a mail
/// address has said nothing of a host of that spelling.
public struct ClientNames: Sendable {
  private enum Kind { case mail, dns, uri, common }

  private struct Name {
    let kind: Kind
    let bytes: [UInt8]
  }

  private var names: [Name] = []

  /// Texts for tests and for those that have no certificate at hand; each of the kind it looks like.
  public init(_ names: [String]) {
    self.names = names.map { Name(kind: Self.kind(of: $0.utf8), bytes: Array($0.utf8)) }
  }

  init(of certificate: OpaquePointer) {
    // One that cannot be read is there all the same: the common name does not stand in for it.
    guard unsafe X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1) < 0 else {
      unsafe addAlternativeNames(of: certificate)
      return
    }
    guard let subject = unsafe X509_get_subject_name(certificate) else { return }
    var place: Int32 = -1
    while true {
      place = unsafe X509_NAME_get_index_by_NID(subject, NID_commonName, place)
      guard place >= 0, let entry = unsafe X509_NAME_get_entry(subject, place),
        let text = unsafe X509_NAME_ENTRY_get_data(entry)
      else { return }
      // Of other types the bytes are no UTF-8.
      let types = [V_ASN1_UTF8STRING, V_ASN1_PRINTABLESTRING, V_ASN1_IA5STRING]
      guard types.contains(unsafe ASN1_STRING_type(text)) else { continue }
      unsafe add(.common, Self.bytes(text))
    }
  }

  private mutating func addAlternativeNames(of certificate: OpaquePointer) {
    guard let value = unsafe X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else {
      return ERR_clear_error()
    }
    let list = OpaquePointer(value)
    defer { unsafe GENERAL_NAMES_free(list) }
    for index in 0..<(unsafe max(0, gatehouse_sk_GENERAL_NAME_num(list))) {
      let name = unsafe gatehouse_sk_GENERAL_NAME_value(list, index)
      if let text = unsafe gatehouse_GENERAL_NAME_mail(name) {
        unsafe add(.mail, Self.bytes(text))
      } else if let text = unsafe gatehouse_GENERAL_NAME_dns(name) {
        unsafe add(.dns, Self.bytes(text))
      } else if let text = unsafe gatehouse_GENERAL_NAME_uri(name) {
        unsafe add(.uri, Self.bytes(text))
      }
    }
  }

  /// Of its subject, the first of several, cut where a log would cut it.
  static func commonName(of certificate: OpaquePointer) -> [UInt8] {
    guard let subject = unsafe X509_get_subject_name(certificate) else { return [] }
    let place = unsafe X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
    guard place >= 0, let entry = unsafe X509_NAME_get_entry(subject, place),
      let text = unsafe X509_NAME_ENTRY_get_data(entry)
    else { return [] }
    return Array(unsafe bytes(text).prefix(LogLine.clientNameLimit))
  }

  /// Whether a name is this one.
  ///
  /// - `alice@example.com`, a mail address: the part before `@` as it stands, the domain in letters of
  ///   either case (RFC 5280, section 7.5).
  /// - `spiffe://example.com/web`, all with a colon, a URI: byte for byte.
  /// - `host.example.com`, a DNS name: in letters of either case; `*.` stands for one label.
  /// - The common name of a certificate without alternative names: byte for byte, without wildcards.
  public func match(_ wanted: String) -> Bool { name(matching: wanted) != nil }

  /// The one of his names that `match` finds.
  public func name(matching wanted: String) -> String? {
    let kind = Self.kind(of: wanted.utf8)
    let wanted = Array(wanted.utf8)
    let found = names.first { name in
      switch name.kind {
      case .common: name.bytes == wanted && !wanted.starts(with: Array("*.".utf8))
      case .uri: kind == .uri && name.bytes == wanted
      case .mail: kind == .mail && Self.isSameMail(name.bytes, wanted)
      case .dns: kind == .dns && Self.isServed(name.bytes, by: wanted)
      }
    }
    return found.map { String(decoding: $0.bytes, as: UTF8.self) }
  }

  /// What was meant by who wrote it.
  private static func kind(of text: String.UTF8View) -> Kind {
    text.contains(0x3a) ? .uri : text.contains(0x40) ? .mail : .dns
  }

  private static func isSameMail(_ name: [UInt8], _ wanted: [UInt8]) -> Bool {
    guard let at = name.lastIndex(of: 0x40),
      name[..<at] == wanted[..<(wanted.lastIndex(of: 0x40) ?? 0)]
    else { return false }
    return FieldValue.isSameName(
      name.span.extracting((at + 1)...), wanted.span.extracting((at + 1)...))
  }

  private static func isServed(_ name: [UInt8], by wanted: [UInt8]) -> Bool {
    // A certificate for `*.staff.test` is nobody's of them.
    guard name.first != 0x2a else { return false }
    if FieldValue.isSameName(name.span, wanted.span) { return true }
    guard wanted.starts(with: Array("*.".utf8)), let dot = name.firstIndex(of: 0x2e), dot > 0 else {
      return false
    }
    return FieldValue.isSameName(name.span.extracting((dot + 1)...), wanted.span.extracting(2...))
  }

  /// A NUL would end the name early for a careless reader (Envoy CVE-2025-66220).
  private mutating func add(_ kind: Kind, _ bytes: [UInt8]) {
    if !bytes.isEmpty, !bytes.contains(0) { names.append(Name(kind: kind, bytes: bytes)) }
  }

  private static func bytes(_ text: UnsafePointer<ASN1_STRING>) -> [UInt8] {
    unsafe Array(
      UnsafeBufferPointer(
        start: ASN1_STRING_get0_data(text), count: max(0, Int(ASN1_STRING_length(text)))))
  }
}
