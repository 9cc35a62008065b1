/// The word a person most likely meant.
enum Suggestion {
  static func nearest(to word: String, among words: [String]) -> String? {
    let most = max(1, min(3, word.count / 3))
    guard word.count <= 64 else { return nil }
    var best: (word: String, distance: Int)?
    for candidate in words where abs(candidate.utf8.count - word.utf8.count) <= most {
      let distance = distance(Array(word.utf8), Array(candidate.utf8))
      if distance <= most, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.word
  }

  /// `; did you mean "x"?`, or the words there are when they are few.
  static func text(for word: String, among words: [String]) -> String {
    if let near = nearest(to: word, among: words) { return "; did you mean \"\(near)\"?" }
    return allowed(words)
  }

  /// `; allowed: a, b`; nothing when there are none, or too many to read.
  static func allowed(_ words: [String]) -> String {
    guard !words.isEmpty, words.count <= 24 else { return "" }
    return "; allowed: \(words.joined(separator: ", "))"
  }

  /// Insertions, deletions, replacements and swaps of neighbours from `a` to `b`.
  static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var older: [Int] = []
    var previous = Array(0...b.count)
    for i in a.indices {
      var current = [i + 1]
      for j in b.indices {
        var best = min(previous[j + 1] + 1, current[j] + 1)
        best = min(best, previous[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, older[j - 1] + 1) }
        current.append(best)
      }
      older = previous
      previous = current
    }
    return previous[b.count]
  }
}
