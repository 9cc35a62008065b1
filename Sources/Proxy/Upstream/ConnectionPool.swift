/// One server as one worker sees it: its idle connections, newest last, and what it does now.
struct ServerState {
  var idle: [SlotID] = []
  /// Exchanges it is carrying.
  var active = 0
  var requests: UInt64 = 0
}
