import Foundation
import Testing

@testable import Certificates
@testable import Names

/// A real BIND on loopback that takes signed updates for `shop.test`; stopped with its owner.
final class NameServer {
  let port: UInt16
  /// The TSIG key, as nsupdate reads it.
  let keyPath: String
  private let program: Background

  init(in workshop: Workshop) throws {
    let installed = try Background.find("named", package: "bind9")
    _ = try Background.find("nsupdate", package: "bind9-dnsutils")
    let folder = workshop.path("named")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    // A copy, since distributions confine the installed one to its own folders.
    try workshop.copyProgram(installed, to: "named/named")
    port = try freePort()
    keyPath = "\(folder)/update.key"
    let secret = Data((0..<32).map { _ in UInt8.random(in: 0...255) }).base64EncodedString()
    try workshop.write(
      "key \"updates\" { algorithm hmac-sha256; secret \"\(secret)\"; };\n", to: "named/update.key")
    try workshop.write(
      """
      $TTL 60
      @ IN SOA localhost. admin.shop.test. 1 3600 600 86400 60
      @ IN NS localhost.
      alias IN CNAME _acme-challenge
      """ + "\n", to: "named/shop.test.zone")
    try workshop.write(
      """
      include "\(keyPath)";
      options {
        directory "\(folder)"; pid-file "\(folder)/pid"; session-keyfile "\(folder)/session";
        listen-on port \(port) { 127.0.0.1; }; listen-on-v6 { none; };
        recursion no; dnssec-validation no; notify no;
      };
      controls { };
      zone "shop.test" {
        type primary; file "\(folder)/shop.test.zone"; allow-update { key "updates"; };
      };
      """ + "\n", to: "named/named.conf")
    program = try Background(
      "\(folder)/named", ["-g", "-c", "\(folder)/named.conf"], log: workshop.path("named.log"))
    _ = try program.line(with: "all zones loaded")
  }

  var server: DNSServer { DNSServer(address: "127.0.0.1", port: port) }

  func texts(_ name: String) -> [String] {
    let answer = server.ask(name, .text, wantsRecursion: false)
    return answer?.answers.filter { $0.kind == DNSMessage.Kind.text.rawValue }.map(\.value) ?? []
  }
}

extension Workshop {
  /// By a process of its own: a file that is open for writing in one of ours, or in a program another
  /// test starts at that moment, cannot be run ("text file busy").
  func copyProgram(_ program: String, to name: String) throws {
    let ended = ChildProcess.run("/bin/cp", [program, path(name)], limit: .seconds(20))
    try #require(ended?.status == 0, "\(ended as Any)")
    unsafe chmod(path(name), 0o755)
  }
}
