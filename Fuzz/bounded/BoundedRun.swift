import Foundation
import Testing

/// A fuzzer's corpus and a number of changes of it, in a process of its own.
struct BoundedRun {
  /// What no input of up to 64 KiB may take.
  private static let inputSeconds = 5.0
  /// An endless loop ends here, and with it the process.
  private static let runSeconds: rlim_t = 300
  /// Nor may an input take memory without bound.
  private static let memoryByteCount: rlim_t = 8 << 30

  private let name: FuzzerName
  private let fuzzer: any Fuzzer

  /// Only in a process that is there for it: what it limits it limits for good.
  static func run(_ name: FuzzerName, changes: Int) {
    do {
      try BoundedRun(name: name, fuzzer: name.make()).run(changes: changes)
    } catch {
      Issue.record("\(name.rawValue): \(error)")
    }
  }

  private func run(changes: Int) throws {
    // Others are timed meanwhile.
    _ = nice(10)
    Self.limit(__rlimit_resource_t(RLIMIT_CPU.rawValue), Self.runSeconds)
    Self.limit(__rlimit_resource_t(RLIMIT_AS.rawValue), Self.memoryByteCount)
    let corpus = try Corpus(of: name)
    for seed in corpus.seeds { try check(seed.bytes, seed.name) }
    if name == .policyReader {
      for huge in HugePolicies.all { try check(Array(huge.text.utf8), huge.name) }
    }
    var mutation = Mutation(corpus, seed: 1)
    for number in 0..<changes { try check(mutation.next(), "change \(number)") }
    try FileManager.default.removeItem(at: Self.lastInput(of: name))
  }

  /// Throws with the whole input; after a trap it lies in the file.
  private func check(_ bytes: [UInt8], _ label: String) throws {
    try Data(bytes).write(to: Self.lastInput(of: name))
    let start = Self.processSeconds
    do throws(Fault) {
      try fuzzer.check(bytes)
      let seconds = Self.processSeconds - start
      try Fault.unless(seconds < Self.inputSeconds, "took \(seconds) s")
    } catch {
      let input = Data(bytes).base64EncodedString()
      throw Fault(description: "\(label): \(error)\ninput in Base64: \(input)")
    }
  }

  static func lastInput(of name: FuzzerName) -> URL {
    FileManager.default.temporaryDirectory.appending(path: "gatehouse-fuzz-\(name.rawValue)")
  }

  private static var processSeconds: Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  private static func limit(_ resource: __rlimit_resource_t, _ most: rlim_t) {
    var limit = rlimit(rlim_cur: most, rlim_max: most)
    unsafe setrlimit(resource, &limit)
  }
}
