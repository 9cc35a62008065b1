import Glibc
import Testing

@testable import Proxy

/// The access log of the generation before, when the process ends right after an apply.
@Suite struct RetiredLogTests {
  private static func configuration(_ path: String) -> ProxyConfiguration {
    var configuration = ProxyConfiguration()
    configuration.workers = 1
    configuration.listeners = [.init(name: "http", addresses: [.ipv4(0x7f00_0001, port: 0)])]
    configuration.routes = [.init(host: .any, path: .any, action: .local)]
    configuration.log = .init(target: .file(path: path))
    return configuration
  }

  private static func ask(_ port: UInt16) throws {
    let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(number) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let answer = unsafe withUnsafeBytes(of: &address) {
      unsafe connect(number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), 16)
    }
    try #require(answer == 0)
    let request = Array("GET /held HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8)
    _ = unsafe send(number, request, request.count, Int32(MSG_NOSIGNAL))
    var buffer = [UInt8](repeating: 0, count: 4096)
    while unsafe recv(number, &buffer, buffer.count, 0) > 0 {}
  }

  @Test func `its last lines are written before the end, even where its target came back late`()
    throws
  {
    let base = "/tmp/gatehouse-retired-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    let (fifo, file) = ("\(base).fifo", "\(base).log")
    #expect(unsafe mkfifo(fifo, 0o600) == 0)
    defer {
      unsafe unlink(fifo)
      unsafe unlink(file)
    }
    let server = try ProxyServer(
      Self.configuration(fifo),
      responder: { _ in LocalResponse(status: 200, contentType: "text/plain", body: [65]) },
      log: { _ in })
    let port = try #require(server.addresses.first?.port)
    try Self.ask(port)
    // Nobody reads it yet: the line waits, and the next attempts come ever later.
    for _ in 0..<500 where server.logReport?.trouble == nil { usleep(20_000) }
    #expect(server.logReport?.trouble?.contains("nobody reads it") == true)
    var next = Self.configuration(file)
    next.listeners = [.init(name: "http", addresses: server.addresses)]
    let reader = unsafe open(fifo, O_RDONLY | O_NONBLOCK)
    #expect(reader >= 0)
    defer { close(reader) }
    try server.adopt(next)
    server.drain()
    server.waitUntilStopped()
    server.endLog()
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = unsafe read(reader, &buffer, buffer.count)
    let text = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    #expect(text.contains("\"path\":\"/held\""), "\(count)")
  }
}
