import Testing

/// Which module may import which; the arrows of the architecture page, held.
struct ImportTests {
  /// A module that is not named here may import all but what `never` forbids it.
  static let only: [String: Set<String>] = [
    "Proxy": ["CLinux", "COpenSSL", "Glibc", "Synchronization"],
    "Firewall": ["CNftables", "Glibc"],
    "Names": ["Glibc"],
    "Certificates": ["COpenSSL", "Glibc", "Foundation", "Names"],
    "Databases": ["COpenSSL", "CLinux", "Glibc"],
  ]
  static let never: [String: Set<String>] = [
    "Configuration": ["Control", "ArgumentParser", "COpenSSL", "CNftables", "CLinux"],
    "Control": ["ArgumentParser", "COpenSSL", "CNftables"],
    "gatehouse": ["COpenSSL", "CNftables"],
  ]

  @Test(arguments: TidyTests.sources)
  func `a module imports only what lies below it`(_ path: String) throws {
    let module = String(path.split(separator: "/").dropFirst().first ?? "")
    for (line, name) in SwiftText(try SourceTree.text(path)).imports {
      let isAllowed = Self.only[module]?.contains(name) ?? true
      let isForbidden = Self.never[module]?.contains(name) ?? false
      #expect(isAllowed && !isForbidden, "\(path):\(line): \(module) may not import \(name)")
      if module == "Proxy", name == "COpenSSL" {
        #expect(path.hasPrefix("Sources/Proxy/TLS/"), "\(path):\(line): OpenSSL stays in TLS/")
      }
    }
  }
}
