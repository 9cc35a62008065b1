internal import Names

/// One name server, as the challenges ask it.
struct DNSServer: Equatable, Sendable {
  static let answerLimit = Duration.seconds(2)
  static let attempts = 2

  let address: String
  var port: UInt16 = 53

  /// The answer; nil where there is none in time, or none that can be read.
  func ask(_ name: String, _ kind: DNSMessage.Kind, wantsRecursion: Bool) -> DNSMessage? {
    guard case .address(let bytes)? = ServerName(address) else { return nil }
    let peer = DNSPeer(bytes, port: port)
    for _ in 0..<Self.attempts {
      let answer = peer.ask(
        name, kind, wantsRecursion: wantsRecursion, within: Self.answerLimit)
      if let answer { return answer }
    }
    return nil
  }
}
