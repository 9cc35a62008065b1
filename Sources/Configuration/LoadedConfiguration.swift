public import Certificates
public import Firewall
internal import Foundation
public import Names
public import Proxy

/// What a configuration file and the files it names say, checked.
public struct LoadedConfiguration: Sendable {
  public static let defaultAdminSocket = "/run/gatehouse/admin.sock"

  static let standardState = "/var/lib/gatehouse"

  /// `GATEHOUSE_STATE` is where the firewall keeps its own.
  public static var defaultState: String {
    ProcessInfo.processInfo.environment["GATEHOUSE_STATE"].map { "\($0)/servers" } ?? standardState
  }

  public var proxy = ProxyConfiguration()
  /// Everybody may connect when nil.
  public var policy: FirewallPolicy?
  public var policyPath: String?
  /// Where the agent listens, if one does.
  public var agentSocket: String?
  /// By listener, when a client is banned for requests that were refused.
  public var refusalBans: [String: FirewallPolicy.BanRule] = [:]
  /// How long bans last, and whom nobody may ban.
  public var bans = ResolvedPolicy()
  /// Nil when the file has no `admin`.
  public var adminSocket: String?
  /// Who may open the admin socket beside its owner; the process's group when nil.
  public var adminGroup: UInt32?
  public var adminRoles = AdminRoles()
  /// The admin API over TCP; none when nil.
  public var adminListen: AdminListen?
  /// Where /livez, /readyz and /startupz are answered; nowhere when empty.
  public var healthAddresses: [SocketAddress] = []
  /// How long to serve on when told to end.
  public var grace = Duration.zero
  /// The folder of overrides and the audit log.
  public var state = LoadedConfiguration.defaultState
  /// Each `file:line:column: warning: what`.
  public var warnings: [String] = []
  /// By listener: its certificates folder, to be watched for new versions.
  public var certificateFolders: [String: String] = [:]
  /// By listener: what is in its folder, those that are not served included.
  public var certificates: [String: [FoundCertificate]] = [:]
  /// Certificates that are fetched, and the folder they are kept in; none when nil.
  public var acme: (plan: CertificatePlan, folder: String)?
  /// Where spans are sent; nowhere when nil.
  public var tracing: TracingTarget?
  /// Who is asked for names of servers.
  public var resolver = NameResolver()
  /// By name: what servers are written with, and what it meant when the file was read.
  public var names: [String: ResolvedName] = [:]

  public init() {}
}
