import Firewall

/// A piece of a YAML file, and where it stands.
struct YAMLValue {
  indirect enum Content {
    case scalar(String)
    case list([YAMLValue])
    case map([Pair])
    /// Nothing after the colon, `~` or `null`.
    case nothing
  }

  struct Pair {
    var key: String
    var place: SourcePlace
    var value: YAMLValue
  }

  var content: Content
  var place: SourcePlace

  /// What it is, in the words of a message.
  var kind: String {
    switch content {
    case .scalar(let text): "\"\(text.shortened)\""
    case .list: "a list"
    case .map: "a map"
    case .nothing: "nothing"
    }
  }

  /// An address such as `fe80::` that YAML took for a map, as it was written.
  var unquotedAddress: String? {
    guard case .map(let pairs) = content, pairs.count == 1, let pair = pairs.first,
      !pair.key.isEmpty, pair.key.contains(":"),
      pair.key.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." })
    else { return nil }
    switch pair.value.content {
    case .nothing: return pair.key + ":"
    case .scalar, .list, .map: return nil
    }
  }
}

extension String {
  /// Fit to stand in a message: nothing that steers a terminal, and not the length of a page.
  var shortened: String {
    let shown = unicodeScalars.prefix(80).map {
      switch $0.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: "?"
      default: String($0)
      }
    }
    return shown.joined() + (unicodeScalars.count > 80 ? "..." : "")
  }
}
