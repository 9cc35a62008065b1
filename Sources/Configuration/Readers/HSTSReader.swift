import Foundation
import Proxy

/// Reads `hsts` of a route.
enum HSTSReader {
  private static let year: Int64 = 365 * 86_400

  static func read(_ map: MapReader) -> ProxyConfiguration.HSTS? {
    guard let value = map[RouteFields.hsts] else { return nil }
    guard case .scalar(let text) = value.content else {
      guard let details = map.section(RouteFields.hsts, HSTSFields.section) else { return nil }
      return read(details, value)
    }
    guard let span = TimeSpan.parse(text), span <= .seconds(10 * year) else {
      return map.refuse(value, RouteFields.hsts, "is no span of time")
    }
    return ProxyConfiguration.HSTS(maxAge: span.components.seconds)
  }

  private static func read(_ details: MapReader, _ value: YAMLValue) -> ProxyConfiguration.HSTS? {
    guard let span = details.duration(HSTSFields.maxAge) else { return nil }
    var hsts = ProxyConfiguration.HSTS(maxAge: span.components.seconds)
    hsts.includesSubdomains = details.boolean(HSTSFields.subdomains) ?? false
    hsts.isPreloaded = details.boolean(HSTSFields.preload) ?? false
    if let value = details[HSTSFields.rampFrom], let text = details.text(HSTSFields.rampFrom) {
      let format = Date.ISO8601FormatStyle(timeZone: .gmt).year().month().day()
      guard text.utf8.count == 10, let day = try? format.parse(text) else {
        return details.refuse(value, HSTSFields.rampFrom, "is no date")
      }
      hsts.rampFrom = Int64(day.timeIntervalSince1970)
    }
    if hsts.isPreloaded, !hsts.includesSubdomains || hsts.maxAge < year {
      details.problems.error(
        value.place, "preload\(details.inLabel) needs include_subdomains: true and max_age: 365d")
    }
    return hsts
  }
}
