/// A file with a password alone, which only its owner may read.
public enum PasswordFile {
  public struct Failure: Error {
    public let text: String
  }

  static let byteLimit = 1024

  /// The first line, without its end.
  public static func read(_ path: String) throws(Failure) -> String {
    let shown = path.shortened
    let file: FileReader.File
    do throws(FileReader.Failure) {
      file = try FileReader.read(path, limit: byteLimit)
    } catch {
      throw Failure(text: "cannot read \"\(shown)\": \(error.text)")
    }
    guard file.mode & 0o077 == 0 else {
      let mode = String(file.mode, radix: 8)
      throw Failure(
        text: "\"\(shown)\" is open to others (mode \(mode)); type: chmod 600 \(shown)")
    }
    var bytes = file.bytes[...]
    if bytes.last == UInt8(ascii: "\n") { bytes = bytes.dropLast() }
    if bytes.last == UInt8(ascii: "\r") { bytes = bytes.dropLast() }
    guard !bytes.isEmpty else { throw Failure(text: "\"\(shown)\" is empty") }
    guard !bytes.contains(where: { $0 < 32 || $0 == 127 }) else {
      throw Failure(text: "\"\(shown)\" has more than one line, or a control character")
    }
    guard let password = String(validating: bytes, as: UTF8.self) else {
      throw Failure(text: "\"\(shown)\" is not UTF-8")
    }
    return password
  }
}
