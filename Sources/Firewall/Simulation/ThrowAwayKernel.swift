import CNftables
import Glibc

/// True packets through the true kernel: a network namespace of its own, with the rules and with a
/// device to put packets into; it is gone afterwards. Needs root.
public enum ThrowAwayKernel {
  /// A packet, and whether it comes in two pieces.
  public struct Trial: Sendable {
    public var packet: Packet
    public var isFragmented: Bool

    public init(_ packet: Packet, isFragmented: Bool = false) {
      self.packet = packet
      self.isFragmented = isFragmented
    }
  }

  /// Which of the packets arrive, in their order. Limits are left aside: they count packets, and this
  /// asks what becomes of each alone.
  public static func arrivals(
    of trials: [Trial], under policy: ResolvedPolicy, at time: Int64
  ) throws(FirewallKernelError) -> [Bool] {
    var policy = policy
    for index in policy.services.indices { policy.services[index].limit = nil }
    let errand = Errand(trials: trials, ruleset: RulesetCompiler.compile(policy, at: time))
    var thread = pthread_t()
    let context = unsafe Unmanaged.passRetained(errand).toOpaque()
    // A namespace is a thread's own: this one's ends with it.
    let status = unsafe pthread_create(
      &thread, nil,
      { context in
        if let context = unsafe context {
          unsafe Unmanaged<Errand>.fromOpaque(context).takeRetainedValue().run()
        }
        return nil
      }, context)
    guard status == 0 else { throw .socket(attempted: "start a thread", errno: status) }
    pthread_join(thread, nil)
    return try errand.result.get()
  }

  /// Written by its thread, and read when that has ended.
  private final class Errand: @unchecked Sendable {
    let trials: [Trial]
    let ruleset: Ruleset
    var result: Result<[Bool], FirewallKernelError> = .success([])

    init(trials: [Trial], ruleset: Ruleset) {
      self.trials = trials
      self.ruleset = ruleset
    }

    func run() {
      do throws(FirewallKernelError) {
        guard unshare(gatehouse_CLONE_NEWNET()) == 0 else {
          throw .socket(attempted: "make a network namespace", errno: errno)
        }
        let device = try TunnelDevice()
        try awake(device)
        try FirewallKernel.apply(ruleset, digest: [UInt8](repeating: 0, count: 32))
        result = .success(try send(over: device))
      } catch {
        result = .failure(error)
      }
    }

    /// The kernel gives an IPv6 address its route a while after it took the address: packets are
    /// worth sending once one of each family has arrived.
    private func awake(_ device: borrowing TunnelDevice) throws(FirewallKernelError) {
      // For experiments (RFC 3692): nobody else listens to it.
      let probe = Packet.Content.other(253)
      let ears = [
        try RawSocket(AF_INET, probe.protocolNumber), try RawSocket(AF_INET6, probe.protocolNumber),
      ]
      let sources: [Address] = [.ipv4(0x0aff_ff02), .ipv6(PacketBytes.ipv6Destination + 1)]
      var arrived = [false, false]
      for _ in 0..<1000 {
        for (index, source) in sources.enumerated() where !arrived[index] {
          let bytes = PacketBytes(
            packet: Packet(from: source, probe), number: UInt32(index), isFragmented: false)
          for piece in bytes.pieces { try device.write(piece) }
        }
        for ear in ears { ear.drain(into: &arrived) }
        if !arrived.contains(false) { return }
        usleep(5000)
      }
      throw .socket(attempted: "send a packet over the tunnel device", errno: ETIMEDOUT)
    }

    private func send(over device: borrowing TunnelDevice) throws(FirewallKernelError) -> [Bool] {
      var ears: [RawSocket] = []
      for number in Set(trials.map(\.packet.content.protocolNumber)) {
        ears.append(try RawSocket(AF_INET, number))
        ears.append(try RawSocket(AF_INET6, number))
      }
      var arrived = [Bool](repeating: false, count: trials.count)
      for (index, trial) in trials.enumerated() {
        let bytes = PacketBytes(
          packet: trial.packet, number: UInt32(index), isFragmented: trial.isFragmented)
        for piece in bytes.pieces { try device.write(piece) }
        if index % 8 == 7 { for ear in ears { ear.drain(into: &arrived) } }
      }
      // The kernel hands packets over at once, but for a busy processor.
      for _ in 0..<20 {
        for ear in ears { ear.drain(into: &arrived) }
        usleep(5000)
      }
      return arrived
    }
  }
}

extension Packet.Content {
  fileprivate var protocolNumber: UInt8 {
    switch self {
    case .tcp: 6
    case .udp: 17
    case .icmp: 1
    case .icmpv6: 58
    case .other(let number): number
    }
  }
}

/// Hears what passes the rules: the kernel hands packets to it after its input hook.
private final class RawSocket {
  private let descriptor: Int32

  init(_ family: Int32, _ number: UInt8) throws(FirewallKernelError) {
    descriptor = socket(family, Int32(SOCK_RAW.rawValue | SOCK_NONBLOCK.rawValue), Int32(number))
    guard descriptor >= 0 else { throw .socket(attempted: "open a raw socket", errno: errno) }
    var size: Int32 = 1 << 24
    // Without the right to force it, the machine's limit holds.
    _ = unsafe setsockopt(
      descriptor, SOL_SOCKET, gatehouse_SO_RCVBUFFORCE(), &size,
      socklen_t(MemoryLayout<Int32>.size))
  }

  deinit { close(descriptor) }

  func drain(into arrived: inout [Bool]) {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
      guard count > 4 else { return }
      let number = Int(buffer[(count - 4)..<count].networkInteger)
      if arrived.indices.contains(number) { arrived[number] = true }
    }
  }
}
