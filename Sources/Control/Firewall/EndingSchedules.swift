internal import Configuration
internal import Firewall

/// Hours of services that nobody has worked out anew for so long that the kernel's windows run out: the
/// service would then be closed for good.
extension CompiledPolicy {
  /// An agent does it every month: so long before the end it is known to be dead.
  static let scheduleWarningDays = 60

  /// Which services, since when, and what to do; nil when all is well. `appliedAt`: Unix time in
  /// seconds for which they were worked out last.
  public func endingSchedules(appliedAt: Int64?) -> String? {
    let names = policy.services.filter { $0.schedule?.hours != nil }.map { "\"\($0.name)\"" }
    guard let appliedAt, !names.isEmpty else { return nil }
    let (end, overflow) = appliedAt.addingReportingOverflow(
      Int64(Schedule.horizonDays) * 86_400)
    guard !overflow,
      end.subtractingReportingOverflow(time).partialValue
        < Int64(Self.scheduleWarningDays) * 86_400
    else { return nil }
    let what = end > time ? "will be closed from" : "closed since"
    return """
      \(names.joined(separator: ", ")) \(what) \(Moment.text(end)): their hours were last worked out on \
      \(Moment.text(appliedAt)); start gatehouse agent, which does it, or type: gatehouse policy verify --fix
      """
  }
}
