import Foundation
import Testing

@testable import Proxy

/// A real server that is not ours: nginx.
@Suite(.timeLimit(.minutes(1)))
struct HealthNginxTests {
  @Test func `nginx passes by its status and its body`() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "nginx-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let socket = folder.appending(path: "s").path
    let text = """
      daemon off; master_process off; pid \(folder.path)/pid; error_log stderr;
      events {}
      http {
        access_log off; client_body_temp_path \(folder.path)/b; proxy_temp_path \(folder.path)/p;
        fastcgi_temp_path \(folder.path)/f; uwsgi_temp_path \(folder.path)/u;
        scgi_temp_path \(folder.path)/c;
        server {
          listen unix:\(socket);
          location /ok { return 200 "all is OK"; }
          location /bad { return 503; }
        }
      }
      """
    let file = folder.appending(path: "nginx.conf")
    try Data(text.utf8).write(to: file)
    let nginx = Process()
    nginx.executableURL = URL(filePath: "/usr/sbin/nginx")
    nginx.arguments = ["-p", folder.path, "-c", file.path]
    nginx.standardError = FileHandle.nullDevice
    try nginx.run()
    defer {
      kill(nginx.processIdentifier, SIGKILL)
      nginx.waitUntilExit()
    }
    var check = ProxyConfiguration.Health.HTTPCheck(path: "/ok")
    check.body = "is OK"
    var backend = Watch.backend(0, .http(check))
    backend.servers = [.init(name: "s", address: .unix(path: socket))]
    backend.host = "a.test"
    let watch = try Watch()
    watch.adopt(backend)
    #expect(watch.until { $0.verdict == .up }.lastResult.hasPrefix("200 in "))
    check.path = "/bad"
    backend.health.check = .http(check)
    watch.adopt(backend)
    let down = watch.until { $0.lastResult.hasPrefix("status") }
    #expect(down.lastResult == "status 503, not 200...399")
  }
}
