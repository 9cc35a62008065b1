import Foundation

/// A server that behaves as told, in a process of its own, on a port the kernel chose.
final class ProbedServer {
  let port: UInt16
  private let process = Process()

  init(_ behaviour: String, _ arguments: String...) throws {
    process.executableURL = URL(filePath: "/usr/bin/python3")
    process.arguments = ["-c", Self.script, behaviour] + arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    var line = Data()
    while let byte = try pipe.fileHandleForReading.read(upToCount: 1), !byte.isEmpty,
      byte != Data([10])
    {
      line.append(byte)
    }
    guard let port = UInt16(String(decoding: line, as: UTF8.self)) else {
      process.terminate()
      throw Failure.noPort
    }
    self.port = port
  }

  enum Failure: Error { case noPort }

  func freeze() { kill(process.processIdentifier, SIGSTOP) }
  func thaw() { kill(process.processIdentifier, SIGCONT) }

  func end() {
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  deinit { if process.isRunning { end() } }

  private static let script = #"""
    import http.server, os, socket, ssl, sys, threading, time
    behaviour, more = sys.argv[1], sys.argv[2:]

    def grpc_server():
        import grpc
        from concurrent import futures
        class Handler(grpc.GenericRpcHandler):
            def service(self, details):
                if details.method != '/grpc.health.v1.Health/Check': return None
                def check(request, context):
                    if request == b'\x0a\x03bad': return b'\x08\x02'
                    if request: context.abort(grpc.StatusCode.NOT_FOUND, 'unknown service')
                    return b'\x08\x01'
                return grpc.unary_unary_rpc_method_handler(check)
        server = grpc.server(futures.ThreadPoolExecutor(2))
        server.add_generic_rpc_handlers([Handler()])
        if more:
            pem = [open(path, 'rb').read() for path in more]
            port = server.add_secure_port('127.0.0.1:0', grpc.ssl_server_credentials([(pem[1], pem[0])]))
        else:
            port = server.add_insecure_port('127.0.0.1:0')
        server.start()
        return server, port

    def answer(connection):
        try:
            if behaviour == 'line':
                connection.sendall(more[0].encode() + b'\n')
            elif behaviour == 'drip':
                for byte in b'HTTP/1.1 200 OK\r\nA: ' + b'a' * 10000:
                    connection.send(bytes([byte])); time.sleep(0.05)
            elif behaviour == 'silent':
                time.sleep(60)
            elif behaviour == 'random':
                for _ in range(64): connection.sendall(os.urandom(65536))
            elif behaviour == 'endless-head':
                connection.sendall(b'HTTP/1.1 200 OK\r\n')
                while True: connection.sendall(b'X: y\r\n' * 1000)
            elif behaviour == 'endless-body':
                connection.sendall(b'HTTP/1.1 200 OK\r\n\r\n')
                while True: connection.sendall(b'a' * 65536)
            elif behaviour == 'proxy':
                want = more[0].encode().decode('unicode_escape').encode('latin1')
                head = b''
                while len(head) < len(want): head += connection.recv(len(want) - len(head))
                status = b'200' if head == want else b'500'
                while b'\r\n\r\n' not in head: head += connection.recv(4096)
                connection.sendall(b'HTTP/1.1 ' + status + b' x\r\nContent-Length: 0\r\n\r\n')
            elif behaviour == 'http':
                head = b''
                while b'\r\n\r\n' not in head:
                    part = connection.recv(4096)
                    if not part: return
                    head += part
                connection.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nall \r\n2\r\nOK\r\n0\r\n\r\n')
            if behaviour != 'tls-only': connection.shutdown(socket.SHUT_WR)
            connection.recv(1)
        except OSError: pass
        finally: connection.close()

    if behaviour == 'grpc':
        # Kept: a server that nobody holds stops.
        server, port = grpc_server()
        print(port, flush=True)
        while True: time.sleep(60)
    listener = socket.create_server(('127.0.0.1', 0), backlog=2000)
    print(listener.getsockname()[1], flush=True)
    context = None
    if behaviour == 'http' and more:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(more[0], more[1])
    def serve(connection):
        try:
            if context: connection = context.wrap_socket(connection, server_side=True)
        except OSError:
            return connection.close()
        answer(connection)
    while True:
        connection, _ = listener.accept()
        if behaviour == 'accept': connection.close()
        else: threading.Thread(target=serve, args=(connection,), daemon=True).start()
    """#
}
