internal import Glibc

/// What a worker's thread is started with.
final class WorkerStart: Sendable {
  let index: Int
  let mailboxes: [Mailbox]
  let snapshot: Parcel<Snapshot>
  let selectors: Parcel<Selectors>
  let listeners: [BoundListener]
  let responder: Responder?
  let log: EventLog

  init(
    index: Int, mailboxes: [Mailbox], snapshot: Parcel<Snapshot>, selectors: Parcel<Selectors>,
    listeners: [BoundListener], responder: Responder?, log: @escaping EventLog
  ) {
    self.index = index
    self.mailboxes = mailboxes
    self.snapshot = snapshot
    self.selectors = selectors
    self.listeners = listeners
    self.responder = responder
    self.log = log
  }

  func launch() -> pthread_t? {
    var thread = pthread_t()
    let start = unsafe Unmanaged.passRetained(self)
    let answer = unsafe pthread_create(
      &thread, nil,
      { argument in
        if let argument = unsafe argument {
          unsafe Unmanaged<WorkerStart>.fromOpaque(argument).takeRetainedValue().run()
        }
        return nil
      }, start.toOpaque())
    guard answer == 0 else {
      unsafe start.release()
      return nil
    }
    return thread
  }

  private func run() {
    guard let snapshot = snapshot.take(), let selectors = selectors.take(),
      let poller = Poller.make(),
      let ciphertext = CipherBuffers.make()
    else { return log(.trouble("worker \(index) could not start: no descriptor or memory")) }
    var worker = Worker(
      index: index, mailboxes: mailboxes, snapshot: snapshot, selectors: selectors,
      responder: responder, log: log, poller: poller, ciphertext: ciphertext)
    if !worker.run(listeners) { log(.trouble("worker \(index) could not watch its mailbox")) }
  }
}
