/// The last step to a client: one send for a head and the body that came with it.
extension Worker {
  /// Sends the first `count` bytes of `scratch`; false when that ended the client.
  mutating func sendScratch(to id: SlotID, _ count: Int) -> Bool {
    guard count > 0 else { return true }
    let scratch = scratch
    let sent = clients[id].transport.send(scratch.bytes(0..<count), ciphertext: &ciphertext)
    return note(sent, to: id, count)
  }

  /// Sends `range` of the server's bytes, behind a head of `headCount` bytes that is in `scratch`.
  mutating func send(to id: SlotID, _ range: Range<Int>, headCount: Int) -> Bool {
    // The head is put right before the body, over what the server's head was: one record, one send.
    let start = range.lowerBound - headCount
    guard start >= 0 else {
      guard sendScratch(to: id, headCount) else { return false }
      return send(to: id, range, headCount: 0)
    }
    let scratch = scratch
    if headCount > 0 { upstreamIntake.copy(scratch.bytes(0..<headCount), to: start) }
    guard start < range.upperBound else { return true }
    let upstreamIntake = upstreamIntake
    let sent = clients[id].transport.send(
      upstreamIntake.bytes(start..<range.upperBound), ciphertext: &ciphertext)
    return note(sent, to: id, range.upperBound - start)
  }

  private mutating func note(_ sent: Transport.Sent, to id: SlotID, _ count: Int) -> Bool {
    clients[id].exchange.bytesOut &+= UInt64(count)
    switch sent {
    case .done:
      if count >= clients[id].burst { clients[id].adaptBurst(taken: true) }
    case .queued: clients[id].adaptBurst(taken: false)
    case .failed:
      abort(client: id, clientGone(id))
      return false
    }
    return true
  }
}
