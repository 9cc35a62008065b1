import Foundation

/// Has libFuzzer look for inputs that reach new code: `main` is its own, and `Fuzz/run` builds and
/// starts it.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  LibFuzzer.check(unsafe [UInt8](UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}

enum LibFuzzer {
  private static let fuzzer: any Fuzzer = {
    let name = ProcessInfo.processInfo.environment["FUZZER"] ?? ""
    do {
      guard let fuzzer = try FuzzerName(rawValue: name)?.make() else {
        end("FUZZER is \"\(name)\"; allowed: \(FuzzerName.allCases.map(\.rawValue))")
      }
      return fuzzer
    } catch {
      end("\(name): \(error)")
    }
  }()

  static func check(_ bytes: [UInt8]) {
    do throws(Fault) {
      try fuzzer.check(bytes)
    } catch {
      FileHandle.standardError.write(Data("fault: \(error)\n".utf8))
      // So that libFuzzer keeps the input.
      abort()
    }
  }

  private static func end(_ text: String) -> Never {
    FileHandle.standardError.write(Data("\(text)\n".utf8))
    exit(2)
  }
}
