/// What brings the elements of a set in the kernel to those of the policy.
struct SetDelta: Equatable {
  var removed: [SetElement] = []
  var added: [SetElement] = []

  var isEmpty: Bool { removed.isEmpty && added.isEmpty }
  var count: Int { removed.count + added.count }

  /// Timeouts run while we look: those that differ by no more than this are the same.
  fileprivate static let timeoutToleranceSeconds: UInt64 = 2

  /// Both ascend.
  init(from old: [SetElement], to new: SetElements) {
    var index = 0
    let count = new.count
    for element in old {
      while index < count, new[index].first < element.first {
        added.append(new[index])
        index += 1
      }
      guard index < count, new[index].first == element.first else {
        removed.append(element)
        continue
      }
      if !Self.isSame(element, new[index]) {
        removed.append(element)
        added.append(new[index])
      }
      index += 1
    }
    while index < count {
      added.append(new[index])
      index += 1
    }
  }

  private static func isSame(_ a: SetElement, _ b: SetElement) -> Bool {
    guard a.last == b.last, a.chain == b.chain else { return false }
    guard let left = a.timeoutSeconds, let right = b.timeoutSeconds else {
      return a.timeoutSeconds == b.timeoutSeconds
    }
    return max(left, right) - min(left, right) <= timeoutToleranceSeconds
  }
}

extension SetElements {
  /// Those that have not ended so long after they were put into the kernel, which holds `held` by now: it
  /// knows best of those that end just then.
  func left(after seconds: UInt64, of held: [SetElement]) -> SetElements {
    guard hasEnds else { return self }
    let there = Set(held.map(\.first))
    let tolerance = SetDelta.timeoutToleranceSeconds
    return .list(
      list.compactMap { element in
        guard let timeout = element.timeoutSeconds else { return element }
        var element = element
        element.timeoutSeconds = timeout > seconds ? timeout - seconds : 0
        if timeout > seconds + tolerance { return element }
        return timeout + tolerance >= seconds && there.contains(element.first) ? element : nil
      })
  }
}
