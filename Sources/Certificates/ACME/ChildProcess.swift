internal import Glibc

/// Runs one program to its end, in a small clean environment and a group of its own.
enum ChildProcess {
  struct Ended: Equatable {
    /// Nil when it was killed, by us or by others, or that is not known.
    let status: Int32?
    let isOutOfTime: Bool
    /// The end of what it wrote, both streams.
    let output: String
  }

  static let environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C"]
  private static let outputLimit = 4_096
  /// More than a pipe takes without a reader; what we send is far below.
  private static let inputLimit = 4_096
  private static let checkInterval: Int32 = 20

  /// Nil when the program cannot be started; `errno` says why.
  static func run(
    _ path: String, _ arguments: [String], input: String = "", limit: Duration
  ) -> Ended? {
    precondition(input.utf8.count <= inputLimit)
    guard let source = Pipe(), let sink = Pipe() else { return nil }
    _ = unsafe write(source.writeEnd, input, input.utf8.count)
    guard let child = spawn(path, arguments, input: source.readEnd, output: sink.writeEnd) else {
      return nil
    }
    source.close()
    sink.closeWriteEnd()
    return follow(child, sink, until: Deadline(after: limit))
  }

  private final class Pipe {
    private(set) var readEnd: Int32
    private(set) var writeEnd: Int32

    init?() {
      var ends: [Int32] = [-1, -1]
      guard unsafe pipe(&ends) == 0 else { return nil }
      (readEnd, writeEnd) = (ends[0], ends[1])
      // Not a socket pair, which could have this from its birth: /dev/stderr must open in a hook.
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    }

    deinit { close() }

    func close() {
      closeWriteEnd()
      if readEnd >= 0 { Glibc.close(readEnd) }
      readEnd = -1
    }

    func closeWriteEnd() {
      if writeEnd >= 0 { Glibc.close(writeEnd) }
      writeEnd = -1
    }
  }

  private static func spawn(
    _ path: String, _ arguments: [String], input: Int32, output: Int32
  ) -> pid_t? {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, input, 0)
    unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
    unsafe posix_spawn_file_actions_adddup2(&actions, output, 2)
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    // Our threads block and ignore signals that a program must be able to hear.
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    var all = sigset_t()
    unsafe sigfillset(&all)
    unsafe posix_spawnattr_setsigdefault(&attributes, &all)
    let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
    let words = unsafe ([path] + arguments).map { unsafe strdup($0) }
    let variables = unsafe environment.map { unsafe strdup($0) }
    defer {
      for index in unsafe words.indices { unsafe free(words[index]) }
      for index in unsafe variables.indices { unsafe free(variables[index]) }
    }
    var child = pid_t()
    let code = unsafe posix_spawn(
      &child, path, &actions, &attributes, words + [nil], variables + [nil])
    errno = code
    return code == 0 ? child : nil
  }

  private static func follow(_ child: pid_t, _ sink: Pipe, until deadline: Deadline) -> Ended {
    var output: [UInt8] = []
    var status: Int32 = 0
    while true {
      let answer = unsafe waitpid(child, &status, WNOHANG)
      let hasEnded = answer != 0
      // Whoever holds the pipe open after it has ended is not waited for.
      drain(sink.readEnd, into: &output, wait: hasEnded ? 0 : checkInterval)
      if hasEnded {
        // Somebody else may have asked how it ended, and then nobody knows.
        let isExit = answer == child && status & 0x7f == 0
        return Ended(
          status: isExit ? status >> 8 & 0xff : nil, isOutOfTime: false, output: text(output))
      }
      if deadline.isPassed {
        kill(-child, SIGKILL)
        _ = unsafe waitpid(child, &status, 0)
        return Ended(status: nil, isOutOfTime: true, output: text(output))
      }
    }
  }

  private static func drain(_ file: Int32, into output: inout [UInt8], wait: Int32) {
    var wait = wait
    // Bounded, so that a program that never stops writing does not keep us from its deadline.
    for _ in 0..<64 {
      var watched = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
      guard unsafe poll(&watched, 1, wait) > 0 else { return }
      var buffer = [UInt8](repeating: 0, count: outputLimit)
      let count = unsafe read(file, &buffer, buffer.count)
      guard count > 0 else {
        // Its output is closed and it still runs: look again after a while.
        if wait > 0 { usleep(UInt32(wait) * 1_000) }
        return
      }
      output = Array((output + buffer.prefix(count)).suffix(outputLimit))
      wait = 0
    }
  }

  private static func text(_ output: [UInt8]) -> String {
    ProblemDocument.line(String(decoding: output, as: UTF8.self))
      .split(separator: " ").joined(separator: " ")
  }
}
