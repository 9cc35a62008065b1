public import Proxy

/// A server's address as it is typed; only addresses, for a name would have to be resolved anew.
public enum ServerAddress {
  public static let allowed = "an address with a port, such as 10.0.0.14:8080 or [2001:db8::1]:8080"

  public static func parse(_ text: String) -> SocketAddress? {
    guard case (.address(let address), let port)? = AddressText.parse(text) else { return nil }
    return SocketAddress(address, port: port)
  }

  /// Fit to name a server.
  public static func isName(_ text: String) -> Bool { text.isName }
}
