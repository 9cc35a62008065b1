/// The gates that look at names.
extension CertificateGates {
  static func names(_ bundle: CertificateBundle) -> Verdict {
    guard !bundle.rawDNSNames.contains(where: { $0.contains(0) }) else {
      return (.failed, "a name in subjectAltName holds a NUL byte, which hides the rest of it")
    }
    guard !bundle.names.isEmpty else {
      return (
        .failed,
        "no name in subjectAltName; clients no longer look at the subject: have it issued with names"
      )
    }
    let odd = bundle.rawDNSNames.map { String(decoding: $0, as: UTF8.self) }
      .filter { text in
        guard case .dns? = ServerName(text) else { return true }
        return false
      }
    if let name = odd.first {
      return (
        .warning, "\"\(printable(name))\" in subjectAltName is no DNS name and matches nothing"
      )
    }
    if let name = bundle.names.first(where: { name in bundle.names.count { $0 == name } > 1 }) {
      return (.warning, "\(name) stands more than once in subjectAltName")
    }
    return (.passed, list(bundle.names))
  }

  static func namesCover(_ bundle: CertificateBundle, _ context: GateContext) -> Verdict {
    let missing = context.requiredNames.filter { !bundle.covers($0) }
    guard missing.isEmpty else {
      return (
        .failed,
        "it does not cover \(list(missing)), which is asked for; it covers \(list(bundle.names))"
      )
    }
    let lost = (context.current?.names ?? []).filter { !bundle.covers($0) }
    guard lost.isEmpty else {
      return (.warning, "it no longer covers \(list(lost)), which the current one does")
    }
    return (
      .passed, context.requiredNames.isEmpty ? "nothing more is asked for" : "covers all asked for"
    )
  }

  private static func list(_ names: [ServerName]) -> String {
    names.map(\.description).joined(separator: ", ")
  }

  /// Foreign text for a terminal: no control bytes, and not without end.
  private static func printable(_ text: String) -> String {
    String(
      text.unicodeScalars.prefix(80).map {
        $0.value < 0x20 || $0.value == 0x7f ? "?" : Character($0)
      })
  }
}
