/// Text of a server as it may stand in a message: one line, bounded, nothing that steers a terminal.
enum ForeignText {
  static let characterLimit = 400

  static func line(_ bytes: some Sequence<UInt8>) -> String {
    line(String(decoding: Array(bytes.prefix(4 * characterLimit)), as: UTF8.self))
  }

  static func line(_ text: String) -> String {
    let printable = text.unicodeScalars.map {
      let category = $0.properties.generalCategory
      let isHidden =
        category == .control || category == .format || category == .lineSeparator
        || category == .paragraphSeparator
      return isHidden ? " " : Character($0)
    }
    return String(printable.prefix(characterLimit))
  }
}
