internal import Foundation

/// Unix time as a person reads it.
public enum Moment {
  public static func text(_ seconds: Int64) -> String {
    Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
  }
}
