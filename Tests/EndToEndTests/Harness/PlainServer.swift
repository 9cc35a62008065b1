import Foundation
import Glibc

/// An HTTP server that is a process of its own: it can be killed, frozen and started again on its port,
/// and told to misbehave. It notes the number of every POST in a file.
final class PlainServer {
  enum Mode: String { case well, slow, reset, fails }

  let name: String
  let port: UInt16
  private let folder: TemporaryFolder
  private(set) var process: Companion?

  init(_ name: String, port: UInt16? = nil) throws {
    self.name = name
    self.port = port ?? RawSocket.quietPort()
    folder = try TemporaryFolder()
    _ = try folder.write("server.py", Self.script)
    try start()
  }

  func start() throws {
    process = try Companion([
      "python3", folder.url.appendingPathComponent("server.py").path, name, "\(port)",
      folder.url.appendingPathComponent("posts").path,
    ])
    guard process?.says("ready") == true else {
      throw Gate.Failure(text: "no server: \(process?.text ?? "")")
    }
  }

  /// As a power cut.
  func kill() { process = nil }

  func freeze() { process?.signal(SIGSTOP) }

  func thaw() { process?.signal(SIGCONT) }

  func be(_ mode: Mode) throws {
    let socket = try RawSocket(port: port)
    socket.send("GET /be/\(mode.rawValue) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    _ = socket.receiveAll()
  }

  /// The numbers of the POSTs that it began to carry out.
  var posts: [String] {
    let file = folder.url.appendingPathComponent("posts")
    return ((try? String(contentsOf: file, encoding: .utf8)) ?? "").split(separator: "\n")
      .map(String.init)
  }

  private static let script = #"""
    import asyncio, os, socket, struct, sys
    name, port, posts = sys.argv[1], int(sys.argv[2]), os.open(sys.argv[3], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    mode = "well"
    async def serve(reader, writer):
        global mode
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                method, path = head.split(" ")[:2]
                length = 0
                for line in head.split("\r\n"):
                    if line.lower().startswith("content-length:"):
                        length = int(line.split(":")[1])
                body = await reader.readexactly(length)
                if path.startswith("/be/"):
                    mode = path[4:]
                elif mode == "reset":
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    writer.transport.abort()
                    return
                elif mode == "slow":
                    await asyncio.sleep(3)
                if method == "POST":
                    os.write(posts, body + b"\n")
                status = "500 No" if mode == "fails" and not path.startswith("/be/") else "200 OK"
                text = name.encode() + b"\n"
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)
                await writer.drain()
                if "connection: close" in head.lower():
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=1024)
        print("ready", flush=True)
        await server.serve_forever()
    asyncio.run(main())
    """#
}
