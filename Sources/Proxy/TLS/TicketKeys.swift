/// The keys of session tickets, the same in all workers; each is renewed in steps, so that no worker
/// gets a ticket whose key it has not heard of.
///
///     announced ──all workers have it──▶ current ──its span is over──▶ retired ──one more span──▶ gone
public struct TicketKeys: Sendable, Equatable {
  /// Opens tickets already, seals none yet.
  private(set) var announced: TicketKey?
  /// Seals all new tickets.
  private(set) var current: TicketKey
  /// Opens the tickets it sealed, for one more span.
  private(set) var retired: TicketKey?
  /// When the current key began, in seconds of any steady clock.
  private(set) var since: Int64

  init(_ first: TicketKey, at now: Int64) {
    current = first
    since = now
  }

  /// What opens tickets; a key that is not here has never been, or is gone.
  var all: [TicketKey] { [current] + [announced, retired].compactMap { $0 } }

  /// Of all, without a list of them: each resumption asks.
  func first(where isWanted: (TicketKey) -> Bool) -> TicketKey? {
    if isWanted(current) { return current }
    if let announced, isWanted(announced) { return announced }
    if let retired, isWanted(retired) { return retired }
    return nil
  }

  /// Whether the next step is due.
  func isDue(at now: Int64, span: Int64) -> Bool { announced != nil || now - since >= span }

  /// Takes the next step; `make` gives a new key. Where it gives none, or one that is not new, the
  /// keys stay as they are.
  mutating func advance(at now: Int64, span: Int64, make: () -> TicketKey?) {
    if let next = announced {
      // A machine that slept through the retired key's span must not open its tickets any longer.
      retired = now - since < 2 * span ? current : nil
      current = next
      announced = nil
      since = now
    } else if now - since >= span, let new = make(), !all.contains(where: { $0.name == new.name }) {
      announced = new
    }
  }
}
