import Glibc

/// Why the kernel does not hold what it should; of the ruleset nothing was changed.
public enum FirewallKernelError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A call on the netlink socket failed.
  case socket(attempted: String, errno: Int32)
  /// The kernel refused parts of the ruleset, and so all of it.
  case refused([Refusal])
  /// Others kept changing the ruleset while we did.
  case contended(attempts: Int)
  /// The ruleset has no faithful form; it was not sent.
  case unencodable(String)
  /// What the kernel answered is incomplete.
  case incomprehensible(String)

  public struct Refusal: Sendable, Equatable {
    public var subject: String
    public var errno: Int32
  }

  public var description: String {
    switch self {
    case .socket(let attempted, let errno):
      return "\(attempted): \(Self.text(errno))\(Self.advice(errno))"
    case .refused(let refusals):
      let list = refusals.prefix(5).map { "\($0.subject): \(Self.text($0.errno))" }
      let more = refusals.count > 5 ? " and \(refusals.count - 5) more" : ""
      let advice = refusals.first.map { Self.advice($0.errno) } ?? ""
      return "the kernel refused \(list.joined(separator: ", "))\(more)\(advice)"
    case .contended(let attempts):
      return "something else changed the firewall during each of \(attempts) attempts; "
        + "find it with \"nft monitor\" and try again"
    case .unencodable(let reason):
      return "\(reason); nothing was sent: change the policy, or report a bug in gatehouse"
    case .incomprehensible(let reason):
      return "\(reason); look at \"nft list table inet \(Ruleset.table)\" and try again"
    }
  }

  private static func text(_ errno: Int32) -> String {
    unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "error \(errno)"
  }

  private static func advice(_ errno: Int32) -> String {
    switch errno {
    case EPERM, EACCES: "; run as root or with CAP_NET_ADMIN (and see that no one owns the table)"
    case EMSGSIZE, ENOBUFS: "; raise net.core.wmem_max, or run in the machine's own user namespace"
    case EAGAIN, EINTR: "; the kernel did not answer in time, try again"
    case ENOENT, EOPNOTSUPP, EPROTONOSUPPORT:
      "; see that the kernel has nf_tables, nft_ct, nft_fib_inet, nft_limit and nft_objref, "
        + "and to end connections nf_conntrack_netlink and INET_DIAG_DESTROY"
    case EEXIST: "; two entries overlap"
    case ENOMEM: "; free memory, or shorten the lists"
    default: ""
    }
  }
}
