import Foundation
import Testing

/// Each in a process of its own, so that a trap, an endless loop and a lack of memory are failures of
/// the test like any other.
@Suite(.serialized)
struct FuzzTests {
  @Test func `any bytes can come from an agent on a server`() async {
    await #expect(processExitsWith: .success, Self.hint(.agentCheck)) {
      BoundedRun.run(.agentCheck, changes: 20_000)
    }
  }

  @Test func `any bytes can come from a server that is asked for its gRPC health`() async {
    await #expect(processExitsWith: .success, Self.hint(.grpcHealth)) {
      BoundedRun.run(.grpcHealth, changes: 20_000)
    }
  }

  @Test func `any bytes can come from a balancer in front`() async {
    await #expect(processExitsWith: .success, Self.hint(.proxyHeader)) {
      BoundedRun.run(.proxyHeader, changes: 20_000)
    }
  }

  @Test func `any bytes can come from a database`() async {
    await #expect(processExitsWith: .success, Self.hint(.databaseReader)) {
      BoundedRun.run(.databaseReader, changes: 20_000)
    }
  }

  @Test func `any bytes can come from a name server`() async {
    await #expect(processExitsWith: .success, Self.hint(.dnsMessage)) {
      BoundedRun.run(.dnsMessage, changes: 20_000)
    }
  }

  @Test func `sets are packed and read back`() async {
    await #expect(processExitsWith: .success, Self.hint(.elementPacking)) {
      BoundedRun.run(.elementPacking, changes: 20_000)
    }
  }

  @Test func `any bytes are a feed or are refused`() async {
    await #expect(processExitsWith: .success, Self.hint(.feedReader)) {
      BoundedRun.run(.feedReader, changes: 20_000)
    }
  }

  @Test func `any bytes can come from the kernel`() async {
    await #expect(processExitsWith: .success, Self.hint(.netlinkDecoder)) {
      BoundedRun.run(.netlinkDecoder, changes: 20_000)
    }
  }

  @Test func `any bytes are a policy or are refused`() async {
    await #expect(processExitsWith: .success, Self.hint(.policyReader)) {
      BoundedRun.run(.policyReader, changes: 5_000)
    }
  }

  private static func hint(_ name: FuzzerName) -> Comment {
    "after a trap, the input is \(BoundedRun.lastInput(of: name).path)"
  }
}
