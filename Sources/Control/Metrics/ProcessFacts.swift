internal import Foundation

/// What the kernel says of this process, under the names that all of Prometheus's clients have.
struct ProcessFacts {
  private(set) var cpuSeconds: Double?
  private(set) var residentBytes: Double?
  private(set) var virtualBytes: Double?
  private(set) var openDescriptors: Double?
  private(set) var descriptorLimit: Double?

  init() {
    readStat(KernelFile.text("/proc/self/stat"))
    let names = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
    // The one that this list is read through.
    openDescriptors = names.map { Double(max(0, $0.count - 1)) }
    var limit = rlimit()
    if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      descriptorLimit = Double(limit.rlim_cur)
    }
  }

  init(stat: String) { readStat(stat) }

  /// As proc_pid_stat(5) numbers them; the second may hold blanks and parentheses.
  private mutating func readStat(_ text: String) {
    guard let end = text.lastIndex(of: ")") else { return }
    let fields = text[text.index(after: end)...].split(separator: " ")
    func field(_ number: Int) -> Double? {
      fields.indices.contains(number - 3) ? Double(fields[number - 3]) : nil
    }
    if let user = field(14), let kernel = field(15) {
      cpuSeconds = (user + kernel) / Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
    }
    virtualBytes = field(23)
    residentBytes = field(24).map { $0 * Double(max(1, sysconf(Int32(_SC_PAGESIZE)))) }
  }
}

/// What the kernel says of the network namespace that this process is in; nil where it does not.
struct MachineFacts {
  let conntrackEntries: Double?
  let conntrackLimit: Double?
  let acceptQueueOverflows: Double?

  init() {
    conntrackEntries = KernelFile.number("/proc/sys/net/netfilter/nf_conntrack_count")
    conntrackLimit = KernelFile.number("/proc/sys/net/netfilter/nf_conntrack_max")
    acceptQueueOverflows = Self.overflows(netstat: KernelFile.text("/proc/self/net/netstat"))
  }

  /// A line of names, then a line of numbers, for each group.
  static func overflows(netstat: String) -> Double? {
    let lines = netstat.split(separator: "\n").filter { $0.hasPrefix("TcpExt:") }
      .map { $0.split(separator: " ") }
    guard lines.count == 2, let place = lines[0].firstIndex(of: "ListenOverflows"),
      lines[1].indices.contains(place)
    else { return nil }
    return Double(lines[1][place])
  }
}

private enum KernelFile {
  static func text(_ path: String) -> String {
    (try? Disk.read(path)).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  static func number(_ path: String) -> Double? {
    Double(text(path).trimmingCharacters(in: .whitespacesAndNewlines))
  }
}
