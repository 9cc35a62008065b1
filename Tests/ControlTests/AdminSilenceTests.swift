import Foundation
import Glibc
import Testing

@testable import Control

/// A process that is there and says nothing, or nothing whole.
@Suite struct AdminSilenceTests {
  enum Kind: CaseIterable { case takesNoConnection, saysNothing, trickles }

  @Test(.timeLimit(.minutes(5)), arguments: Kind.allCases)
  func `who says nothing whole ends a question in the time it had`(_ kind: Kind) throws {
    let path = NSTemporaryDirectory() + "g-\(UUID().uuidString.prefix(8))"
    let listener = try bound(path, backlog: kind == .takesNoConnection ? 0 : 8)
    defer {
      shutdown(listener, Int32(SHUT_RDWR))
      close(listener)
      try? FileManager.default.removeItem(atPath: path)
    }
    var fillers: [Int32] = []
    defer { for filler in fillers { close(filler) } }
    switch kind {
    case .takesNoConnection:
      for _ in 0..<4 { fillers.append(try connected(path)) }
    case .saysNothing: break
    case .trickles:
      Thread.detachNewThread {
        let accepted = accept(listener, nil, nil)
        while accepted >= 0, unsafe send(accepted, "H", 1, Int32(MSG_NOSIGNAL)) == 1 {
          usleep(50_000)
        }
        if accepted >= 0 { close(accepted) }
      }
    }
    do {
      _ = try AdminClient(socket: path).refreshCertificates("shop.test", within: 1)
      Issue.record("nothing was thrown")
    } catch let failure as AdminClient.Failure {
      #expect(failure.description.contains("has not answered within 1 s"), "\(failure)")
    }
  }

  private func bound(_ path: String, backlog: Int32) throws -> Int32 {
    let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    let answer = unsafe withAddress(path) { unsafe bind(number, $0, $1) }
    try #require(answer == 0)
    try #require(listen(number, backlog) == 0)
    return number
  }

  /// A connection that takes a place in the queue, if there is one.
  private func connected(_ path: String) throws -> Int32 {
    let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
    _ = unsafe withAddress(path) { unsafe connect(number, $0, $1) }
    return number
  }

  private func withAddress(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
    return unsafe withUnsafePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }
}
