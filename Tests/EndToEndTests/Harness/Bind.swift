import Foundation
import Glibc

/// A real BIND on loopback that serves `app.test` with a TTL of 1 s; stopped with its owner.
final class Bind {
  let port: UInt16
  private let folder: TemporaryFolder
  private let process = Process()
  private var serial = 1

  /// `records` of the zone, such as `api IN A 127.0.0.2`.
  init(_ records: String, port: UInt16 = RawSocket.freePort()) throws {
    self.port = port
    folder = try TemporaryFolder()
    // A copy, since distributions confine the installed one to its own folders.
    let program = folder.url.appendingPathComponent("named").path
    let copied = try run("cp", ["/usr/sbin/named", program])
    guard copied.status == 0 else {
      throw Gate.Failure(text: "no named: apt-get install bind9\n\(copied.standardError)")
    }
    try write(records)
    let configuration = try folder.write(
      "named.conf",
      """
      options {
        directory "\(folder.url.path)"; pid-file "pid"; session-keyfile "session";
        listen-on port \(port) { 127.0.0.1; }; listen-on-v6 { none; };
        recursion no; dnssec-validation no; notify no;
      };
      controls { };
      zone "app.test" { type primary; file "zone"; };

      """)
    let log = folder.url.appendingPathComponent("log")
    try Data().write(to: log)
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = ["-g", "-c", configuration]
    process.standardError = try FileHandle(forWritingTo: log)
    try process.run()
    for _ in 0..<400 {
      let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
      if text.contains("all zones loaded") { return }
      guard process.isRunning else { break }
      usleep(50_000)
    }
    throw Gate.Failure(
      text: "named did not start:\n\((try? String(contentsOf: log, encoding: .utf8)) ?? "")")
  }

  /// The zone's records are these from now on.
  func change(_ records: String) throws {
    try write(records)
    kill(process.processIdentifier, SIGHUP)
  }

  func stop() {
    guard process.isRunning else { return }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  deinit { stop() }

  private func write(_ records: String) throws {
    serial += 1
    _ = try folder.write(
      "zone",
      """
      $TTL 1
      @ IN SOA localhost. admin.app.test. \(serial) 3600 600 86400 1
      @ IN NS localhost.
      \(records)

      """)
  }
}
