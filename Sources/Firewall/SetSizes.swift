extension FirewallKernel {
  /// How many elements each of these sets of our table holds, one by one; those that are not there,
  /// that changed meanwhile, or for which there was no time, are left out, and so are the sources that
  /// were denied (`KernelDenials`).
  public static func setSizes(
    _ isWanted: (String) -> Bool, within time: Duration
  ) throws(FirewallKernelError) -> [String: Int] {
    let socket = try NetlinkSocket()
    let deadline = ContinuousClock.now + time
    guard let table = try KernelTable.read(socket) else { return [:] }
    var sizes: [String: Int] = [:]
    for (name, shape) in table.sets.sorted(by: { $0.key < $1.key })
    where isWanted(name) && !DeniedSets.names(name) {
      guard ContinuousClock.now < deadline else { break }
      sizes[name] = try KernelTable.elements(of: name, shape, socket)?.count
    }
    return sizes
  }
}

extension Ruleset {
  /// By set: whether the policy fills it, and with how many elements.
  public var setSizes: [String: (isFilledByPolicy: Bool, count: Int)] {
    Dictionary(sets.map { ($0.name, ($0.isFilledByPolicy, $0.elements.count)) }) { first, _ in
      first
    }
  }
}
