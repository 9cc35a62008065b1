internal import COpenSSL

/// Who a client's certificate says he is: the mail addresses, DNS names and URIs it was issued for,
/// or its common name where there are none of these.
public struct ClientNames: Sendable {
  private var names: [[UInt8]] = []

  /// Texts for tests and for those that have no certificate at hand.
  public init(_ names: [String]) { self.names = names.map { Array($0.utf8) } }

  init(of certificate: OpaquePointer) {
    if let value = unsafe X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) {
      let list = OpaquePointer(value)
      defer { unsafe GENERAL_NAMES_free(list) }
      for index in 0..<(unsafe max(0, gatehouse_sk_GENERAL_NAME_num(list))) {
        let name = unsafe gatehouse_sk_GENERAL_NAME_value(list, index)
        guard let text = unsafe gatehouse_GENERAL_NAME_text(name) else { continue }
        unsafe add(Self.bytes(text))
      }
      return
    }
    ERR_clear_error()
    guard let subject = unsafe X509_get_subject_name(certificate) else { return }
    var place: Int32 = -1
    while true {
      place = unsafe X509_NAME_get_index_by_NID(subject, NID_commonName, place)
      guard place >= 0, let entry = unsafe X509_NAME_get_entry(subject, place),
        let text = unsafe X509_NAME_ENTRY_get_data(entry)
      else { return }
      unsafe add(Self.bytes(text))
    }
  }

  /// Whether a name is this one, letters of either case alike; `*.` stands for one label.
  public func match(_ wanted: String) -> Bool {
    let wanted = Array(wanted.utf8)
    return names.contains { name in
      if FieldValue.isSameName(name.span, wanted.span) { return true }
      guard wanted.starts(with: Array("*.".utf8)), let dot = name.firstIndex(of: 0x2e), dot > 0,
        !name[..<dot].contains(0x40)
      else { return false }
      return FieldValue.isSameName(
        name.span.extracting((dot + 1)...), wanted.span.extracting(2...))
    }
  }

  /// By which one he is called.
  public var first: String { names.first.map { String(decoding: $0, as: UTF8.self) } ?? "" }

  /// A NUL would end the name early for a careless reader (Envoy CVE-2025-66220).
  private mutating func add(_ bytes: [UInt8]) {
    if !bytes.isEmpty, !bytes.contains(0) { names.append(bytes) }
  }

  private static func bytes(_ text: UnsafePointer<ASN1_STRING>) -> [UInt8] {
    unsafe Array(
      UnsafeBufferPointer(
        start: ASN1_STRING_get0_data(text), count: max(0, Int(ASN1_STRING_length(text)))))
  }
}
