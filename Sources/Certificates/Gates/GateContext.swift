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
  /// Those of this installation, in PEM.
  let privatePEM: [UInt8]
  private let loaded: LoadedRoots

  /// `publicPEM`: those of clients in general; the system's when nil.
  public init(publicPEM: [UInt8]? = nil, privatePEM: [UInt8] = []) {
    self.privatePEM = privatePEM
    loaded = LoadedRoots(publicPEM)
  }

  /// With more authorities of this installation.
  func adding(_ pem: [UInt8]) -> TrustedRoots {
    TrustedRoots(privatePEM: privatePEM + [0x0a] + pem)
  }

  func publicRoots() throws(CertificateError) -> RootStore { try loaded.store() }
}

/// Read at most once for all certificates of one context: the system's are 150 or so, 14 ms.
private final class LoadedRoots: @unchecked Sendable {
  private let pem: [UInt8]?
  private let lock = NSLock()
  private var roots: RootStore?

  init(_ pem: [UInt8]?) { self.pem = pem }

  func store() throws(CertificateError) -> RootStore {
    lock.lock()
    defer { lock.unlock() }
    if let roots { return roots }
    let new = try RootStore(pem)
    roots = new
    return new
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
