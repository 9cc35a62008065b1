import Testing

@testable import Proxy

@Suite struct UpstreamNameTests {
  @Test(arguments: [
    (true, "", false), (false, "", true), (true, "db.test", true), (true, "192.0.2.1", true),
  ])
  func `a server that is to be verified is asked by a name`(
    _ verifies: Bool, _ name: String, _ isMade: Bool
  ) throws {
    var tls = ProxyConfiguration.UpstreamTLS(serverName: name)
    tls.verify = verifies
    let context = try TLSContext(upstream: tls)
    guard let buffers = CipherBuffers.make() else {
      Issue.record("no memory for buffers")
      return
    }
    let stream = TLSStream.connecting(context, name: name, over: buffers)
    let isNone = stream == nil
    #expect(isNone != isMade)
  }
}
