internal import Synchronization

/// What is told to clients that keep a connection open for it.
extension ProxyServer {
  /// How many listen; those that have just gone may be among them.
  public var audience: Int {
    mailboxes.reduce(0) { $0 + $1.audience.load(ordering: .relaxed) }
  }

  /// To all that listen. Dropped for a worker that is busy with much else.
  public func publish(_ bytes: [UInt8]) {
    for mailbox in mailboxes where mailbox.audience.load(ordering: .relaxed) > 0 {
      mailbox.publish(bytes)
    }
  }

  /// Ends them all; who comes again is asked again who he is.
  public func endEventStreams() {
    for mailbox in mailboxes { mailbox.post(.endEventStreams) }
  }
}
