/// What may stand in a message that quotes foreign text.
enum MessageText {
  /// A circle of groups names them all.
  private static let characterLimit = 5000

  /// Nothing that steers a terminal, and no page of foreign text.
  static func check(_ text: String) throws(Fault) {
    let control = text.unicodeScalars.first { $0.properties.generalCategory == .control }
    try Fault.unless(control == nil, "a control character in a message: \(text.debugDescription)")
    try Fault.unless(text.count <= characterLimit, "a message of \(text.count) characters")
  }
}
