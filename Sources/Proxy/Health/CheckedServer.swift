/// One server in the loop that checks.
final class CheckedServer {
  let target: ProbeTarget
  var check: HealthCheck
  let serial: UInt32
  /// Nil when the backend's TLS cannot be set up, or there is none.
  let context: TLSContext?
  let contextTrouble: String?
  var probe: Probe?
  /// Names the check under way, so that events and deadlines of an older one find nothing.
  var turn: UInt32 = 0
  /// Names the live entry among the timers.
  var appointment: UInt32 = 0
  var due: Int64 = 0
  /// Of the last check, in milliseconds.
  var lastStart: Int64?
  var isWaiting = false
  var isPaused = false

  init(
    _ target: ProbeTarget, _ check: HealthCheck, serial: UInt32,
    context: Result<TLSContext, TLSContextError>?
  ) {
    self.target = target
    self.check = check
    self.serial = serial
    switch context {
    case nil: (self.context, contextTrouble) = (nil, nil)
    case .success(let context): (self.context, contextTrouble) = (context, nil)
    case .failure(let error): (self.context, contextTrouble) = (nil, "TLS: \(error.reason)")
    }
  }

  var probeToken: Token { Token(.upstream, SlotID(index: serial, generation: turn)) }
  var timerToken: Token { Token(.listener, SlotID(index: serial, generation: appointment)) }

  func nextTurn() { turn = (turn &+ 1) & 0x3fff_ffff }
  func nextAppointment() { appointment = (appointment &+ 1) & 0x3fff_ffff }
}
