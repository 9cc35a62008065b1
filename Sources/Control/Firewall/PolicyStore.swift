internal import Certificates
public import Configuration
public import Firewall
internal import Foundation

/// What the firewall remembers on disk: applied generations, which one is confirmed, what was done.
///
/// ```
/// feeds, confirmed          links to those of the generation in force, and to the confirmed one
/// lock                      held by whoever changes anything
/// bans.lock                 held by whoever writes bans.json
/// state.json                which generation is in force, what waits for confirmation, history
/// generations/42/           policy.json, and feeds/GROUP.list: enough to apply it again;
///                           policy.sha256, which tells damage; confirmed, once it was
/// overrides.json            allowances by hand, and panic
/// last-commit.json          who has changed the kernel's rules last, as the agent heard of it
/// bans.json                 bans, so that they outlive a restart of the machine
/// ```
public struct PolicyStore: Sendable {
  /// Older generations are forgotten.
  static let generationLimit = 10

  public let folder: String

  public init(folder: String = PolicyFile.standardState) { self.folder = folder }

  public struct Failure: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
  }

  /// Runs alone among all processes that use this folder.
  public func alone<Value>(_ body: () throws -> Value) throws -> Value {
    let descriptor = try locked()
    defer { close(descriptor) }
    return try body()
  }

  /// The same; and where that can't be had, as on a disk that is not writable, all the same: `body` is then
  /// told why. `besideOthers`: even where somebody else is at work who does not end.
  func aloneOrNot<Value>(
    besideOthers: Bool = false, _ body: ((any Error)?) throws -> Value
  ) throws -> Value {
    let descriptor: Int32
    do { descriptor = try openLock() } catch { return try body(error) }
    defer { close(descriptor) }
    do { try lock(descriptor, attempts: besideOthers ? 300 : 100) } catch {
      guard besideOthers else { throw error }
      return try body(error)
    }
    return try body(nil)
  }

  private func locked() throws -> Int32 {
    let descriptor = try openLock()
    do { try lock(descriptor, attempts: 100) } catch {
      close(descriptor)
      throw error
    }
    return descriptor
  }

  /// `attempts`: a tenth of a second each.
  private func lock(_ descriptor: Int32, attempts limit: Int) throws {
    var attempts = 0
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      attempts += 1
      guard attempts < limit else {
        throw Failure("another gatehouse is at work in \(folder); try again when it is done")
      }
      usleep(100_000)
    }
  }

  func openLock() throws -> Int32 {
    try makeFolder("")
    let descriptor = unsafe open(path("lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      let hint = errno == EACCES ? "; run as root, or name a folder of yours with --state" : ""
      throw Failure("cannot open \(path("lock")): \(Self.reason)\(hint)")
    }
    return descriptor
  }

  /// Runs what takes the kernel a moment, such as a ban, beside whoever changes anything: waits for
  /// him to end, but not for long. An apply has to find a moment in which nobody else writes, and
  /// would go without one while bans come by the hundred. `lock`: from `openLock`, for those who come
  /// so often that to open it anew, of which `CommitListener` is told each time, would be felt.
  public func considerately<Value>(_ lock: Int32? = nil, _ body: () throws -> Value) rethrows
    -> Value
  {
    let descriptor = unsafe lock ?? open(path("lock"), O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return try body() }
    defer { _ = lock == nil ? close(descriptor) : flock(descriptor, LOCK_UN) }
    var steps = 0
    while flock(descriptor, LOCK_SH | LOCK_NB) != 0, steps < Self.considerationSteps {
      usleep(10_000)
      steps += 1
    }
    return try body()
  }

  /// Of ten milliseconds: a ban waits half a second at most.
  private static let considerationSteps = 50

  // MARK: State

  /// Another one after each change of the state.
  var stateStamp: [Int] {
    var facts = stat()
    guard unsafe stat(path("state.json"), &facts) == 0 else { return [] }
    return [Int(facts.st_ino), facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec]
  }

  public func state() throws -> PolicyState {
    if let state = try read(PolicyState.self, "state.json") { return state }
    guard confirmed.isEmpty else {
      throw Failure("\(path("state.json")) is gone, though generations are kept; \(Self.remedy)")
    }
    return PolicyState()
  }

  var exists: Bool { FileManager.default.fileExists(atPath: folder) }

  func isMarkedConfirmed(_ number: UInt64) -> Bool {
    FileManager.default.fileExists(atPath: path("generations/\(number)/confirmed"))
  }

  var hasState: Bool { FileManager.default.fileExists(atPath: path("state.json")) }

  func write(_ state: PolicyState) throws { try write(state, "state.json") }

  /// Whoever went back where nothing could be written is not to lose that to a change that can't be written
  /// either. `state`: as it is.
  func refuseUnwritable(_ state: PolicyState) throws { try write(state) }

  /// Where they are damaged, those that the generation in force was applied with: panic must not end by
  /// it, nor going back be barred.
  public func overrides() throws -> PolicyOverrides {
    do { return try read(PolicyOverrides.self, "overrides.json") ?? PolicyOverrides() } catch {
      let number = (try? state().generation) ?? pointedConfirmed ?? 0
      guard number > 0, let policy = try? policy(of: number) else { throw error }
      return PolicyOverrides(in: policy)
    }
  }

  /// Writes down what counts, where they are damaged.
  func healOverrides() {
    guard overridesFault != nil, let known = try? overrides() else { return }
    try? write(known, "overrides.json")
  }

  /// What is wrong with them; nil when they are sound.
  public var overridesFault: String? {
    do { _ = try read(PolicyOverrides.self, "overrides.json") } catch { return "\(error)" }
    return nil
  }

  /// Writes them; what is returned puts back what was there before, also on a full disk.
  func replace(with overrides: PolicyOverrides) throws -> () -> Void {
    let (now, before) = (path("overrides.json"), path("overrides.json.before"))
    unsafe unlink(before)
    let isThere = unsafe link(now, before) == 0
    let isNew = !isThere && errno == ENOENT
    // On a disk that knows no links the old ones are written anew.
    let old = try self.overrides()
    try write(overrides, "overrides.json")
    return {
      guard isThere || isNew else { return (try? write(old, "overrides.json")) ?? () }
      _ = unsafe isThere ? rename(before, now) : unlink(now)
    }
  }

  /// Known while the agent runs.
  public func lastCommit() throws -> KeptCommit? { try read(KeptCommit.self, "last-commit.json") }

  func write(_ commit: KeptCommit) throws { try write(commit, "last-commit.json") }

  func bans() throws -> [KeptBan] { try read([KeptBan].self, "bans.json") ?? [] }

  func write(_ bans: [KeptBan]) throws { try write(bans, "bans.json") }

  // MARK: Generations

  /// Where the feeds of the generation in force lie.
  public var lastFeeds: String { path("feeds") }

  /// Has links lead to the generation in force and to the confirmed one; what can't be pointed at is
  /// only missed when a feed fails or the state is damaged, and then said.
  func point(at state: PolicyState) {
    point("feeds", to: "generations/\(state.generation)/feeds")
    point("confirmed", to: "generations/\(state.confirmed)")
  }

  /// The confirmed generation as the link has it, should the state be damaged; 0 where the policy was taken
  /// away, nil without a link.
  var pointedConfirmed: UInt64? {
    let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path("confirmed"))
    return target.flatMap { UInt64(($0 as NSString).lastPathComponent) }
  }

  private func point(_ name: String, to target: String) {
    unsafe unlink(path(name) + ".new")
    guard unsafe symlink(target, path(name) + ".new") == 0 else { return }
    _ = unsafe rename(path(name) + ".new", path(name))
  }

  /// Remembers that it was confirmed, or needed no confirmation; where that fails it is not gone back to
  /// by itself.
  func noteConfirmed(_ number: UInt64) {
    try? Disk.write([], to: path("generations/\(number)/confirmed"))
  }

  /// In whose place they are to be in force: those before it first, the nearest first. What came after it may
  /// be what somebody went back from.
  func confirmed(for number: UInt64) -> [UInt64] {
    let all = confirmed.filter { $0 != number }.reversed()
    return all.filter { $0 < number } + all.filter { $0 > number }
  }

  /// Of those that are kept. Older versions marked none, and sealed none either.
  var confirmed: [UInt64] {
    kept.filter { number in
      let folder = path("generations/\(number)")
      return ["confirmed", "policy.sha256"].map {
        FileManager.default.fileExists(atPath: "\(folder)/\($0)")
      } != [false, true]
    }
  }

  /// Keeps a policy for good, whole or not at all.
  func keep(_ policy: FirewallPolicy, as number: UInt64) throws {
    let final = path("generations/\(number)")
    let staging = final + ".new"
    try? FileManager.default.removeItem(atPath: staging)
    try makeFolder("generations")
    try FileManager.default.createDirectory(
      atPath: staging + "/feeds", withIntermediateDirectories: true)
    for group in policy.groups {
      guard let feed = group.feed else { continue }
      try Disk.write(to: "\(staging)/feeds/\(KeptFeed.name(group.name))") { append in
        try feed.addresses.write(append)
      }
    }
    let text = Array(try jsonText(policy.withoutFeeds).utf8)
    try Disk.write(text, to: "\(staging)/policy.json")
    try Disk.write(Self.seal(text), to: "\(staging)/policy.sha256")
    try? FileManager.default.removeItem(atPath: final)
    guard unsafe rename(staging, final) == 0 else {
      throw Failure("cannot keep generation \(number) in \(folder): \(Self.reason)")
    }
    Disk.sync(path("generations"))
    forgetOld(below: number)
  }

  /// The same policy with its schedules worked out anew.
  func rekeep(_ policy: FirewallPolicy, as number: UInt64) throws {
    let folder = path("generations/\(number)")
    let text = Array(try jsonText(policy.withoutFeeds).utf8)
    let seals = "\(folder)/policy.sha256"
    // As older versions left it: none of theirs was marked.
    if !FileManager.default.fileExists(atPath: seals) { noteConfirmed(number) }
    // Either text is sound until the new one is there for good.
    try refuseDamaged(number)
    let old = Self.seal(try Disk.read("\(folder)/policy.json"))
    try Disk.replace(seals, with: old + Self.seal(text))
    try Disk.replace("\(folder)/policy.json", with: text)
    try Disk.replace(seals, with: Self.seal(text))
  }

  /// A line of `policy.sha256`.
  private static func seal(_ text: [UInt8]) -> [UInt8] {
    Array("\(Digest.sha256(text).hexadecimal)\n".utf8)
  }

  private func refuseDamaged(_ number: UInt64) throws {
    let folder = path("generations/\(number)")
    guard let seals = try? Disk.read("\(folder)/policy.sha256") else { return }
    let text = try Disk.read("\(folder)/policy.json")
    guard seals.split(separator: 0x0a).contains(Self.seal(text).dropLast()) else {
      throw Failure("\(folder)/policy.json is damaged: it is not what was applied; \(Self.remedy)")
    }
  }

  private static let remedy = "type: gatehouse policy boot"

  private static func remedy(for name: String) -> String {
    switch name {
    case "overrides.json":
      "what the generation in force holds of it counts, and the next apply writes it anew"
    case "bans.json", "last-commit.json": "move it away"
    default: remedy
    }
  }

  public func policy(of number: UInt64) throws -> FirewallPolicy {
    let name = "generations/\(number)/policy.json"
    if FileManager.default.fileExists(atPath: path(name)) { try refuseDamaged(number) }
    guard var policy = try read(FirewallPolicy.self, name) else {
      throw Failure(
        "generation \(number) is not kept in \(folder); \(keptText)")
    }
    for index in policy.groups.indices where policy.groups[index].feed != nil {
      let file = KeptFeed.path(in: path("generations/\(number)/feeds"), policy.groups[index].name)
      guard let addresses = try AddressSet(kept: Disk.read(file), isText: KeptFeed.isText(file))
      else {
        throw Failure("\(file) is damaged; apply the policy again")
      }
      policy.groups[index].feed?.addresses = addresses
    }
    return policy
  }

  /// Those of the generation in force; its lists are not read.
  public var managementPorts: [FirewallPolicy.Port] {
    guard let number = try? state().generation, number > 0 else { return [] }
    let policy = try? read(FirewallPolicy.self, "generations/\(number)/policy.json")
    return policy?.management?.to ?? []
  }

  /// What the services of a generation listen to, and management; its lists are not read.
  func servedPorts(of number: UInt64) -> [FirewallPolicy.Port] {
    let policy = try? read(FirewallPolicy.self, "generations/\(number)/policy.json")
    return (policy?.services.flatMap(\.listen) ?? []) + (policy?.management?.to ?? [])
  }

  /// The numbers of all generations that can be gone back to.
  public var kept: [UInt64] {
    let names = try? FileManager.default.contentsOfDirectory(atPath: path("generations"))
    return (names ?? []).compactMap { UInt64($0) }.sorted()
  }

  var keptText: String {
    let numbers = kept.map { "\($0)" }.joined(separator: ", ")
    return numbers.isEmpty ? "none is" : "there are: \(numbers)"
  }

  private func forgetOld(below number: UInt64) {
    let state = try? state()
    // The last confirmed one stays, too, however many were rejected since.
    let needed = Set([number, state?.confirmed ?? 0, state?.generation ?? 0])
    // Those that were rejected take nobody's place.
    let recent = kept.suffix(Self.generationLimit) + confirmed.suffix(Self.generationLimit)
    for old in kept where !needed.contains(old) && !recent.contains(old) {
      try? FileManager.default.removeItem(atPath: path("generations/\(old)"))
    }
  }

  // MARK: Files

  func path(_ name: String) -> String { "\(folder)/\(name)" }

  private func makeFolder(_ name: String) throws {
    let whole = name.isEmpty ? folder : path(name)
    var next = whole.hasPrefix("/") ? "/" : ""
    for part in whole.split(separator: "/") {
      next += part
      guard unsafe mkdir(next, 0o755) == 0 || errno == EEXIST else {
        let hint = errno == EACCES ? "run as root, or name" : "name"
        throw Failure("cannot make \(next): \(Self.reason); \(hint) a folder of yours with --state")
      }
      next += "/"
    }
  }

  private func read<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value? {
    guard FileManager.default.fileExists(atPath: path(name)) else { return nil }
    do {
      return try readJSON(type, Data(Disk.read(path(name))))
    } catch {
      throw Failure(
        "\(path(name)) is damaged: \(damageText(error)); \(Self.remedy(for: name))")
    }
  }

  private func write(_ value: some Encodable, _ name: String) throws {
    try makeFolder("")
    try Disk.replace(path(name), with: Array("\(jsonText(value))\n".utf8))
  }

  static var reason: String { unsafe String(cString: strerror(errno)) }
}

extension FirewallPolicy {
  /// Lists are kept in files of their own.
  fileprivate var withoutFeeds: FirewallPolicy {
    var policy = self
    for index in groups.indices { policy.groups[index].feed?.addresses = AddressSet() }
    return policy
  }
}
