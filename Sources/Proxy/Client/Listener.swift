/// A bound address of one worker; `SO_REUSEPORT` lets every worker have its own.
struct Listener: ~Copyable {
  let socket: Socket
  let address: SocketAddress
  /// Index into the current snapshot's listeners.
  var index: Int
  var facts: ListenerFacts

  init(_ socket: consuming Socket, address: SocketAddress, index: Int, facts: ListenerFacts) {
    self.socket = socket
    self.address = address
    self.index = index
    self.facts = facts
  }
}
