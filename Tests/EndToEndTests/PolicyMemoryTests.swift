import Foundation
import Testing

/// Where a list does not fit into the memory that is left, for us or for the kernel.
@Suite(
  .enabled(if: getuid() == 0, "needs root: network namespaces"),
  .enabled(if: MemoryLimit.isThere, "needs the memory controller of control groups"))
struct PolicyMemoryTests {
  @Test func `root: without memory for the new policy the old one stays, whole`() throws {
    let space = try Namespace()
    try space.apply("web: { listen: tcp/80, allow: any }")
    // None touches another: they stay what they are.
    let list = (0..<60_000).map { "11.\($0 >> 15).\($0 >> 7 & 255).\($0 * 2 & 255)\n" }.joined()
    _ = try space.folder.write("list.txt", list)
    let new = try space.folder.write(
      "new.yaml",
      """
      version: 1
      groups: { list: { file: list.txt } }
      management: { from: [10.77.0.9], to: [tcp/22] }
      deny: [list]
      services: { mail: { listen: tcp/25, allow: any } }

      """)
    let limit = try MemoryLimit()
    var outcomes: [Bool] = []
    for megabytes in [4, 12, 20, 400] {
      let isApplied = try limit.run(
        "ip netns exec \(space.name) \(Place.gatehouse) policy apply \(new)", megabytes,
        space.environment)
      outcomes.append(isApplied)
      let chains = try space.ruleset().matches(of: #/chain svc_(\w+)/#).map { String($0.output.1) }
      #expect(chains == [isApplied ? "mail" : "web"], "\(megabytes) MB")
      let verified = try space.gatehouse("policy", "verify", "--deep")
      #expect(verified.status == 0, "\(megabytes) MB: \(verified)")
    }
    #expect(outcomes.first == false && outcomes.last == true, "\(outcomes)")
  }
}

/// A control group whose memory is bounded, the kernel's for its processes included.
private final class MemoryLimit {
  private static let root = "/sys/fs/cgroup"
  private static let isOld = FileManager.default.fileExists(atPath: "\(root)/memory/cgroup.procs")
  private let group: String

  static var isThere: Bool {
    let controllers = try? String(contentsOfFile: "\(root)/cgroup.controllers", encoding: .utf8)
    return isOld || controllers?.contains("memory") ?? false
  }

  init() throws {
    let name = "gatehouse-\(UUID().uuidString.prefix(8))"
    group = Self.isOld ? "\(Self.root)/memory/\(name)" : "\(Self.root)/\(name)"
    if !Self.isOld { _ = try script("echo +memory > \(Self.root)/cgroup.subtree_control") }
    try FileManager.default.createDirectory(atPath: group, withIntermediateDirectories: false)
    // The kernel then refuses, instead of ending the process.
    if Self.isOld { _ = try script("echo 1 > \(group)/memory.oom_control") }
  }

  private func script(_ text: String, _ environment: [String: String] = [:]) throws -> Output {
    try EndToEndTests.run("sh", ["-c", text], environment: environment)
  }

  /// Whether a command succeeded; one that waits for memory is ended.
  func run(
    _ command: String, _ megabytes: Int, _ environment: [String: String]
  ) throws -> Bool {
    let file = Self.isOld ? "memory.limit_in_bytes" : "memory.max"
    let output = try script(
      """
      echo 0 > \(group)/memory.force_empty 2>/dev/null; echo \(megabytes)M > \(group)/\(file) || exit 99
      echo $$ > \(group)/cgroup.procs; exec timeout -s KILL 60 \(command)
      """, environment)
    guard output.status != 99 else { throw Gate.Failure(text: output.standardError) }
    return output.status == 0
  }

  deinit { unsafe rmdir(group) }
}
