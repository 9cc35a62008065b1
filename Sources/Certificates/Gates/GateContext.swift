public import Foundation

/// What the gates have to know beside the certificate itself.
public struct GateContext: Sendable {
  public var now: Date
  /// Where the key is, once it is on the disk.
  public var keyFile: KeyFile?
  /// Names that must be served, such as the hosts of routes.
  public var requiredNames: [ServerName] = []
  /// The one that serves now.
  public var current: CertificateBundle?
  /// Lets one through that is older than the current one.
  public var allowsDowngrade = false
  /// SHA-256 of public keys that are known to others, in hexadecimal.
  public var compromisedKeys: Set<String> = []
  public var trust = TrustedRoots()

  public init(now: Date = Date(), keyFile: KeyFile? = nil) {
    self.now = now
    self.keyFile = keyFile
  }
}

/// The authorities a chain may end at.
public struct TrustedRoots: Sendable {
  /// Those of clients in general, in PEM; the system's when nil.
  public var publicPEM: [UInt8]?
  /// Those of this installation, in PEM.
  public var privatePEM: [UInt8]

  public init(publicPEM: [UInt8]? = nil, privatePEM: [UInt8] = []) {
    self.publicPEM = publicPEM
    self.privatePEM = privatePEM
  }
}

/// Where a private key is, and who may do what with it.
public struct KeyFile: Sendable {
  public let path: String
  public let mode: UInt32
  public let owner: UInt32
  /// Those who may own it: who asks, root, and the owner of the folder.
  public let allowedOwners: Set<UInt32>

  public init(path: String, mode: UInt32, owner: UInt32, allowedOwners: Set<UInt32>) {
    self.path = path
    self.mode = mode
    self.owner = owner
    self.allowedOwners = allowedOwners
  }
}
