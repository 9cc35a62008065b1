/// One server as one worker sees it: its idle connections, newest last, and what it does now.
struct ServerState {
  var idle: [SlotID] = []
}
