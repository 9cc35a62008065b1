import Foundation

/// All settings of all files, from the same fields that read them.
public enum Reference {
  /// The contents of `docs/reference.md`.
  public static func markdown() -> String {
    var text = """
      # Reference

      Every setting, as the program itself knows it; `gatehouse config reference` makes this page.

      Durations carry their unit (`500ms`, `10s`, `5m`, `1h`, `7d`), and so do sizes (`512B`, `16KiB`).
      Every path is relative to the file that names it. What begins with `*`, `[` or `:`, and an
      IPv6 address anywhere, must be quoted.

      """
    for (title, sections) in files {
      text += "\n## \(title)\n"
      for section in sections { text += markdown(section) }
    }
    return text
  }

  /// The same as data: files, their sections, their settings.
  public static func json() -> String {
    let objects = files.map { title, sections in
      JSONFile(file: title, sections: sections.map(JSONSection.init))
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(objects) else { return "[]" }
    return String(decoding: data, as: UTF8.self)
  }

  private static let files: [(title: String, sections: [Section])] = [
    (
      "gatehouse.yaml",
      [
        FileFields.section, ListenerFields.section, ProxyProtocolFields.section, TLSFields.section,
        TLSHostFields.section, ClientAuthFields.section, BackendFields.section,
        BalanceFields.section, ServerLimitFields.section, TierFields.section, SplitFields.section,
        MySQLFields.section, MySQLFields.tlsSection, MySQLFields.adminSection,
        MySQLFields.replicationSection,
        HealthFields.section, HTTPCheckFields.section, PassiveFields.section,
        ServerFields.section, UpstreamTLSFields.section, RouteFields.section, HSTSFields.section,
        HeaderFields.section, ResponseHeaderFields.section, LimitFields.section,
        TimeoutFields.section, ACMEFields.section, AuthorityFields.section,
        ExternalAccountFields.section, PlannedFields.section, DNSFields.section,
        ResolverFields.section, LogFields.section, TracingFields.section, AdminFields.section,
        AdminRoleFields.section, AdminListenFields.section, AdminTokenFields.section,
        AdminClientAuthFields.section, HealthDoorFields.section,
      ]
    ),
    (
      "The policy",
      [
        PolicyFields.section, GroupFields.section, EntryFields.section, ManagementFields.section,
        BanFields.policySection, ServiceFields.section, ServiceLimitFields.section,
        ServiceLimitFields.rateSection, ServiceLimitFields.concurrentSection, BanFields.section,
        ScheduleFields.section, HTTPRuleFields.section, ExpectFields.section,
        PolicyFields.includedSection,
      ]
    ),
  ]

  private static func markdown(_ section: Section) -> String {
    var text = "\n### \(section.title)\n\n\(section.help)\n\n"
    text += "| setting | allowed | when left out | |\n|---|---|---|---|\n"
    for field in section.fields {
      let standard = field.standard.map { "`\($0)`" } ?? (field.isRequired ? "*required*" : "")
      text += "| `\(field.name)` | \(field.allowed.cell) | \(standard) | \(field.help.cell) |\n"
    }
    if !section.later.isEmpty {
      let keys = section.later.map { "`\($0)`" }.joined(separator: ", ")
      text += "\nNot supported yet: \(keys).\n"
    }
    return text
  }

  private struct JSONFile: Encodable {
    var file: String
    var sections: [JSONSection]
  }

  private struct JSONSection: Encodable {
    var name: String
    var help: String
    var settings: [JSONField]
    var later: [String]

    init(_ section: Section) {
      name = section.name
      help = section.help
      settings = section.fields.map(JSONField.init)
      later = section.later
    }
  }

  private struct JSONField: Encodable {
    var name: String
    var allowed: String
    var standard: String?
    var required: Bool
    var help: String

    init(_ field: Field) {
      name = field.name
      allowed = field.allowed
      standard = field.standard
      required = field.isRequired
      help = field.help
    }
  }
}

extension Section {
  fileprivate var title: String { name.isEmpty ? "The file itself" : "`\(name)`" }
}

extension String {
  fileprivate var cell: String { replacing("|", with: "\\|") }
}
