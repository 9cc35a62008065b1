/// A Swift file's lines with what stands in strings and comments taken out; a reading by rule of
/// thumb, good enough to count braces and to find words.
struct SwiftText {
  struct Function: Equatable {
    let name: String
    let line: Int
    let length: Int
  }

  let lines: [String]

  init(_ text: String) {
    var isInText = false
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
      Self.code(in: $0, isInText: &isInText)
    }
  }

  /// The modules it imports.
  var imports: [(line: Int, module: String)] {
    lines.enumerated().compactMap { index, line in
      let words = line.split(separator: " ").map(String.init)
      guard let place = words.firstIndex(of: "import"), place <= 2, words.count > place + 1,
        let module = words.last?.split(separator: ".").first
      else { return nil }
      return (index + 1, String(module))
    }
  }

  /// The types it declares.
  var typeNames: [String] {
    let kinds: Set = ["struct", "class", "enum", "actor", "protocol", "typealias"]
    return lines.filter { !$0.contains("import ") }.flatMap { line in
      let words = line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init)
      return zip(words, words.dropFirst()).filter {
        kinds.contains($0.0) && $0.1.first?.isUppercase == true
      }.map(\.1)
    }
  }

  /// Functions and initializers with a body, from their first line to their last brace.
  var functions: [Function] {
    lines.indices.compactMap { start in
      guard let name = Self.functionName(in: lines[start]) else { return nil }
      var depth = 0
      var hasBody = false
      for end in start..<lines.count {
        // A requirement of a protocol has no body: the next declaration begins first.
        if !hasBody, end > start, Self.functionName(in: lines[end]) != nil { return nil }
        for letter in lines[end] {
          if letter == "{" { (depth, hasBody) = (depth + 1, true) }
          if letter == "}" { depth -= 1 }
        }
        if depth < 0 { return nil }
        if hasBody, depth == 0 {
          return Function(name: name, line: start + 1, length: end - start + 1)
        }
      }
      return nil
    }
  }

  private static func functionName(in line: String) -> String? {
    let words = line.split(separator: " ")
    for (index, word) in words.enumerated() {
      if word == "func", index + 1 < words.count {
        return String(words[index + 1].prefix { $0 != "(" && $0 != "<" })
      }
      if word.hasPrefix("init(") || word.hasPrefix("init?(") || word == "deinit" {
        return String(word.prefix { $0 != "(" })
      }
      guard word.first == "@" || word.allSatisfy({ $0.isLowercase || "()".contains($0) }) else {
        return nil
      }
    }
    return nil
  }

  private static func code(in line: Substring, isInText: inout Bool) -> String {
    let parts = line.split(separator: "\"\"\"", omittingEmptySubsequences: false)
    guard parts.count == 1 else {
      let kept = isInText ? parts.last : parts.first
      if parts.count.isMultiple(of: 2) { isInText.toggle() }
      return String(kept ?? "")
    }
    guard !isInText else { return "" }
    var kept = ""
    var isInString = false
    var previous: Character = " "
    for letter in line {
      if letter == "\"", previous != "\\" { isInString.toggle() }
      if !isInString, letter == "/", previous == "/" { return String(kept.dropLast()) }
      if !isInString { kept.append(letter) }
      // A doubled backslash does not escape what follows it.
      previous = letter == "\\" && previous == "\\" ? " " : letter
    }
    return kept
  }
}
