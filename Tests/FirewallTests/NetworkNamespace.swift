import Glibc

@_silgen_name("setns") private func setns(_ descriptor: Int32, _ kind: Int32) -> Int32

@_silgen_name("capset")
private func capset(
  _ header: UnsafeMutablePointer<UInt32>, _ sets: UnsafePointer<UInt32>
) -> Int32

/// A network of its own with a ruleset of its own, removed when the test lets go of it.
final class NetworkNamespace: Sendable {
  let name: String

  struct Failure: Error { var text: String }

  init(_ role: String) throws {
    var instant = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &instant)
    name = "gh-\(getpid())-\(instant.tv_nsec)-\(role)"
    try Shell.run("ip netns add \(name)")
    try run("ip link set lo up")
  }

  deinit { _ = try? Shell.run("ip netns del \(name)") }

  @discardableResult
  func run(_ command: String) throws -> String {
    try Shell.run("ip netns exec \(name) \(command)")
  }

  @discardableResult
  func run(python script: String, arguments: String = "") throws -> String {
    let path = "/tmp/\(name)-client.py"
    try Golden.write(script, to: path)
    defer { unsafe unlink(path) }
    return try run("python3 \(path) \(arguments)")
  }

  /// Python that prints its process ID once it serves.
  func daemon(python script: String) throws -> Daemon {
    let path = "/tmp/\(name)-server.py"
    try Golden.write(script, to: path)
    defer { unsafe unlink(path) }
    return try Daemon("ip netns exec \(name) python3 \(path)")
  }

  /// Runs on a thread that lives in this namespace and ends there: the test's own never moves.
  func inside<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
    let errand = Errand(path: "/run/netns/\(name)", body: body)
    var thread = pthread_t()
    let context = unsafe Unmanaged.passRetained(errand as AnyErrand).toOpaque()
    let status = unsafe pthread_create(
      &thread, nil,
      { context in
        if let context = unsafe context {
          unsafe Unmanaged<AnyErrand>.fromOpaque(context).takeRetainedValue().perform()
        }
        return nil
      }, context)
    guard status == 0 else { throw Failure(text: "no thread") }
    pthread_join(thread, nil)
    guard let result = errand.result else { throw Failure(text: "no result") }
    return try result.get()
  }

  /// Takes all capabilities from the calling thread, which must be an errand's.
  static func dropCapabilities() throws {
    var header: [UInt32] = [0x2008_0522, 0]
    let none = [UInt32](repeating: 0, count: 6)
    guard unsafe capset(&header, none) == 0 else { throw Failure(text: "capset: \(errno)") }
  }

  private class AnyErrand {
    func perform() {}
  }

  private final class Errand<Value>: AnyErrand {
    let path: String
    let body: () throws -> Value
    var result: Result<Value, any Error>?

    init(path: String, body: @escaping () throws -> Value) {
      self.path = path
      self.body = body
    }

    override func perform() {
      let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
      defer { close(descriptor) }
      // CLONE_NEWNET
      guard setns(descriptor, 0x4000_0000) == 0 else {
        result = .failure(Failure(text: "setns \(path): error \(errno)"))
        return
      }
      result = Result { try body() }
    }
  }
}

enum Shell {
  /// What the command printed; throws it when the command failed.
  @discardableResult
  static func run(_ command: String) throws -> String {
    guard let pipe = unsafe popen("{ \(command) ; } 2>&1", "r") else {
      throw NetworkNamespace.Failure(text: "cannot run \(command)")
    }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe fread(&buffer, 1, buffer.count, pipe)
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    let output = String(decoding: bytes, as: UTF8.self)
    guard unsafe pclose(pipe) == 0 else {
      throw NetworkNamespace.Failure(text: "\(command): \(output)")
    }
    return output
  }
}

/// A process that serves until the test lets go of it.
///
/// `@safe`: the pipe is opened in `init`, closed in `deinit`, and never leaves.
@safe final class Daemon {
  private let pipe: UnsafeMutablePointer<FILE>
  private let process: pid_t

  /// The command must print its process ID as soon as it serves.
  init(_ command: String) throws {
    guard let pipe = unsafe popen("exec \(command)", "r") else {
      throw NetworkNamespace.Failure(text: "cannot run \(command)")
    }
    var line = [CChar](repeating: 0, count: 32)
    unsafe fgets(&line, 32, pipe)
    let digits = line.prefix { $0 >= 0x30 && $0 <= 0x39 }.map { UInt8(bitPattern: $0) }
    guard let process = pid_t(String(decoding: digits, as: UTF8.self)) else {
      unsafe pclose(pipe)
      throw NetworkNamespace.Failure(text: "\(command) does not serve")
    }
    unsafe self.pipe = unsafe pipe
    self.process = process
  }

  deinit {
    kill(process, SIGKILL)
    unsafe pclose(pipe)
  }
}
