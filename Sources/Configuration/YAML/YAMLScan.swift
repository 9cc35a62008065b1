internal import CYaml

/// Goes through a text with libYAML alone, before anything is made of it, and stops at what must not
/// be: aliases (a few of them stand for gigabytes), deep nesting, and keys that are lists or maps (to
/// compare two of them can take for ever).
struct YAMLScan {
  /// Deeper than any setting stands.
  static let depthLimit = 16

  enum Fault { case reference, depth, key }

  struct Finding {
    var fault: Fault
    /// Both count from 1.
    var line: Int
    var column: Int
  }

  /// What an open list or map holds next.
  private enum Awaited { case item, key, value }

  /// From the outermost to the innermost that is open.
  private var awaited: [Awaited] = []

  /// The first of them; nil also where the text is no YAML before one comes. It must not be empty.
  static func finding(in bytes: [UInt8]) -> Finding? {
    var parser = unsafe yaml_parser_t()
    // The parser keeps its own address.
    return unsafe withUnsafeMutablePointer(to: &parser) { parser in
      guard unsafe yaml_parser_initialize(parser) == 1 else { return nil }
      defer { unsafe yaml_parser_delete(parser) }
      unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
      return unsafe bytes.withUnsafeBufferPointer {
        unsafe yaml_parser_set_input_string(parser, $0.baseAddress, $0.count)
        var scan = YAMLScan()
        return unsafe scan.run(parser)
      }
    }
  }

  private mutating func run(_ parser: UnsafeMutablePointer<yaml_parser_t>) -> Finding? {
    while true {
      var event = unsafe yaml_event_t()
      guard unsafe yaml_parser_parse(parser, &event) == 1 else { return nil }
      defer { unsafe yaml_event_delete(&event) }
      guard unsafe event.type != YAML_STREAM_END_EVENT else { return nil }
      if let fault = unsafe fault(of: event) {
        let mark = unsafe event.start_mark
        return Finding(fault: fault, line: mark.line + 1, column: mark.column + 1)
      }
    }
  }

  private mutating func fault(of event: yaml_event_t) -> Fault? {
    switch unsafe event.type {
    case YAML_ALIAS_EVENT: return .reference
    case YAML_SCALAR_EVENT:
      endNode()
      return unsafe event.data.scalar.anchor == nil ? nil : .reference
    case YAML_SEQUENCE_START_EVENT:
      return unsafe begin(.item, isAnchor: event.data.sequence_start.anchor != nil)
    case YAML_MAPPING_START_EVENT:
      return unsafe begin(.key, isAnchor: event.data.mapping_start.anchor != nil)
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
      _ = awaited.popLast()
      endNode()
      return nil
    // Of streams and documents.
    default: return nil
    }
  }

  private mutating func begin(_ first: Awaited, isAnchor: Bool) -> Fault? {
    if isAnchor { return .reference }
    if awaited.last == .key { return .key }
    if awaited.count > Self.depthLimit { return .depth }
    awaited.append(first)
    return nil
  }

  private mutating func endNode() {
    switch awaited.last {
    case .key: awaited[awaited.count - 1] = .value
    case .value: awaited[awaited.count - 1] = .key
    case .item, nil: break
    }
  }
}
