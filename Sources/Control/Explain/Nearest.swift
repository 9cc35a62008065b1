/// Which of the words that are known somebody meant who typed another.
public enum Nearest {
  /// Longer words are no typing errors.
  static let lengthLimit = 40

  /// Of pairs of what is compared and what is told; nil where all differ by more than a third or so.
  public static func word(
    to typed: String, of known: [(compared: String, told: String)]
  ) -> String? {
    guard (2...lengthLimit).contains(typed.count) else { return nil }
    let distances = known.map { (told: $0.told, distance: distance(typed, $0.compared)) }
    guard let best = distances.min(by: { $0.distance < $1.distance }),
      best.distance <= max(1, (typed.count + 2) / 3)
    else { return nil }
    return best.told
  }

  /// Letters to put in, take out, or change (Levenshtein).
  static func distance(_ one: String, _ other: String) -> Int {
    let (one, other) = (Array(one), Array(other))
    var row = Array(0...other.count)
    for (index, letter) in one.enumerated() {
      var corner = row[0]
      row[0] = index + 1
      for column in other.indices {
        let change = corner + (letter == other[column] ? 0 : 1)
        corner = row[column + 1]
        row[column + 1] = min(change, row[column] + 1, corner + 1)
      }
    }
    return row[other.count]
  }
}
