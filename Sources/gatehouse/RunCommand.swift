import ArgumentParser
import Configuration
import Control
import Foundation
import Logging
import Proxy

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Serve in the foreground.",
    discussion: """
      Says "ready" when every listener is bound. While it runs:
        kill -HUP PID    applies the file as it is now; with an error in the
                         file nothing changes, and it says what is wrong
        kill -USR1 PID   opens the access log's file again, after it was moved
        kill -TERM PID   drains: takes nothing new, lets what runs finish, ends

      EXAMPLES
        gatehouse check -c gatehouse.yaml && gatehouse run -c gatehouse.yaml
      """)

  @OptionGroup var file: ConfigurationOption

  func run() throws {
    Signal.block()
    try serve(path: file.config) { _ in }
  }
}

/// Serves until a signal ends it; calls `ready` when every listener is bound.
func serve(path: String, ready: (Supervisor) -> Void) throws {
  HandshakeProvider.install()
  LoggingSystem.bootstrap(PlainLog.init)
  let logger = Logger(label: "gatehouse")
  let supervisor = try Supervisor(path: path, logger: logger)
  try supervisor.openDoors()
  supervisor.announce()
  supervisor.beginChores()
  ready(supervisor)
  while true {
    switch Signal.next() {
    case .apply: supervisor.applyOnSignal()
    case .reopen: supervisor.reopenLog()
    case .drain:
      supervisor.drain()
      return
    }
  }
}

/// One line per message on standard error: time, level, text.
struct PlainLog: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.info

  init(label: String) {}

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let time = Date().formatted(.iso8601)
    // A file's name, or a peer's word, begins no line of its own and steers no terminal.
    let line = "\(time) \(event.level) \(AuditText.visible("\(event.message)"))\n"
    try? FileHandle.standardError.write(contentsOf: Data(line.utf8))
  }
}
