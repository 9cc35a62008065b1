import ArgumentParser
import Configuration
import Control
import Firewall
import Foundation
import Proxy

/// What `make run` starts: two small servers, and the proxy in front of them.
struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "Try it: two small servers behind the proxy, on this machine.",
    discussion: """
      Serves examples/quickstart.yaml on https://127.0.0.1:8443 and
      http://127.0.0.1:8080, in front of two servers that answer with their
      names. Nothing of this machine is changed: the firewall rules are shown,
      not applied. Ctrl-C ends it.
      """)

  @Option(name: .shortAndLong, help: "The configuration file; its servers are on 9001 and 9002.")
  var config = "examples/quickstart.yaml"

  func run() throws {
    Signal.block()
    try makeCertificateIfNone()
    let servers = try [("s1", 9001), ("s2", 9002)].map { try demoServer($0.0, port: $0.1) }
    try serve(path: config) { supervisor in
      // Not `print`: that would wait in a buffer when the output is no terminal.
      try? FileHandle.standardOutput.write(contentsOf: Data(welcome(supervisor).utf8))
    }
    for server in servers { server.stop() }
    print("ended; nothing was left behind")
  }

  private func makeCertificateIfNone() throws {
    let folder = URL(fileURLWithPath: config).deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("certs").path
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    guard names.allSatisfy({ $0.hasPrefix(".") || $0 == "README.md" }) else { return }
    let command = try CertDev.parse(["--dir", folder])
    try command.run()
  }

  private func demoServer(_ name: String, port: UInt16) throws -> ProxyServer {
    var configuration = ProxyConfiguration()
    configuration.workers = 1
    configuration.listeners = [
      .init(name: name, addresses: [.ipv4(0x7f00_0001, port: port)])
    ]
    configuration.routes = [.init(host: .any, path: .any, action: .local)]
    do {
      return try ProxyServer(
        configuration,
        responder: { request in
          let text = "\(name) answers \(request.method) \(request.path)\n"
          return LocalResponse(status: 200, contentType: "text/plain", body: Array(text.utf8))
        }, log: { _ in })
    } catch {
      throw CommandFailure(
        "\(error)\n  end what uses the port, or see it: ss -ltnp 'sport = :\(port)'")
    }
  }

  private func welcome(_ supervisor: Supervisor) -> String {
    let gatehouse = CommandLine.arguments[0]
    return """
      \(firewall(supervisor, gatehouse: gatehouse))
      Gatehouse serves two demo servers, s1 and s2. Open, in a browser that may warn
      once of the development certificate:

        https://127.0.0.1:8443/

      Or type, in another terminal:

        curl -k https://127.0.0.1:8443/     again and again: now s1, now s2
        curl -i http://127.0.0.1:8080/      redirected to HTTPS
        curl -k --interface 127.0.0.9 https://127.0.0.1:8443/   refused: policy
        \(gatehouse) status -c \(config)
        \(gatehouse) server set web/s1 --weight 3 -c \(config)

      Ctrl-C ends everything.

      """
  }

  /// What the policy allows, and what it is for the kernel.
  private func firewall(_ supervisor: Supervisor, gatehouse: String) -> String {
    let now = Int64(Date().timeIntervalSince1970)
    guard let policy = supervisor.policy, let path = supervisor.policyPath.map(shortened),
      let verdict = try? PolicyVerdict(policy, at: now)
    else { return "" }
    let ruleset = RulesetCompiler.compile(verdict.policy, at: now)
    return """

      The policy \(path), compiled for the kernel:

      \(RulesetText.print(ruleset))
      The firewall of this machine is not touched. To apply it, as root:

        \(gatehouse) policy apply \(path)

      \(PolicyText.summary(of: policy))

      """
  }

  private func shortened(_ path: String) -> String {
    let here = FileManager.default.currentDirectoryPath + "/"
    return path.hasPrefix(here) ? String(path.dropFirst(here.count)) : path
  }
}
