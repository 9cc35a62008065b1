import Configuration
import Control
import Firewall
import Foundation

/// What this user can see of the kernel's firewall, and in a word why not more.
struct FirewallGlance {
  enum Kernel {
    case unknown(String)
    case none
    case held(generation: UInt64, isInSync: Bool, accepted: UInt64, dropped: UInt64, bans: Int?)
  }

  let kernel: Kernel
  private let store: PolicyStore

  init(store: PolicyStore = PolicyStore(folder: PolicyFile.standardState)) {
    self.store = store
    let live: LiveRuleset?
    do { live = try FirewallKernel.live() } catch {
      kernel = .unknown("\(error)")
      return
    }
    guard let live else {
      kernel = .none
      return
    }
    let kept = try? store.state()
    let digest = live.digest?.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    var (accepted, dropped): (UInt64, UInt64) = (0, 0)
    for (name, count) in live.counters {
      if Self.accepts(name) { accepted &+= count.packets } else { dropped &+= count.packets }
    }
    kernel = .held(
      generation: kept?.generation ?? 0, isInSync: kept != nil && digest == kept?.digest,
      accepted: accepted, dropped: dropped, bans: try? BanBook(store).list().count)
  }

  /// As the compiler names the counters of rules.
  private static func accepts(_ counter: String) -> Bool {
    counter == "r_management" || counter.hasSuffix("_allow") || counter.hasSuffix("_trusted")
  }

  /// Asks the kernel; nil where this user can't, or nobody was dropped.
  var dropped: DroppedText? {
    guard case .held(let generation, _, _, _, _) = kernel,
      let denials = try? KernelDenials.read(most: StatusText.sourceLimit)
    else { return nil }
    let mode = (try? store.policy(of: generation))?.mode
    return DroppedText(denials, isAudit: mode == .audit)
  }

  var text: String {
    switch kernel {
    case .unknown(let why):
      "kernel    not known to this user (\(why)); type: sudo gatehouse policy status"
    case .none:
      "kernel    no policy is in force; type: gatehouse policy apply FILE --confirm-within 60s"
    case .held(let generation, let isInSync, let accepted, let dropped, let bans):
      "kernel    revision \(generation), "
        + (isInSync ? "no drift" : "DRIFT: not as applied; type: gatehouse policy verify")
        + "; first packets: \(accepted) accepted, \(dropped) dropped; "
        + "\(bans.map { "\($0)" } ?? "?") bans"
    }
  }
}
