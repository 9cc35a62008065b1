/// What became of certificates that were read anew: the answer to `POST /v1/certificates/refresh`.
public struct CertificateRefresh: Codable, Sendable {
  /// One certificate of one listener.
  public struct Entry: Codable, Sendable {
    public enum Outcome: String, Codable, Sendable {
      /// As it was.
      case unchanged
      /// New, and every worker served it when asked.
      case serving
      /// New, and stopped at a gate or a probe: the one before is still served.
      case kept
      /// New, and stopped at a gate or a probe: there was none before.
      case refused
      /// No longer in the folder.
      case removed
    }

    public let listener: String
    /// Where it lies, as an absolute path without links.
    public let folder: String
    public let name: String
    public let outcome: Outcome
    /// Of the leaf that is served now; nil where none is.
    public let leafSHA256: String?
    /// Why not, one line each; each begins with the gate's name.
    public let problems: [String]
    /// Workers that served it when they were asked.
    public let workersProbed: Int
    /// Other certificates serve all its names, so that nobody is shown it.
    public let isHidden: Bool?

    private enum CodingKeys: String, CodingKey {
      case listener, folder, name, outcome, problems, workersProbed, isHidden
      // As it comes back from snake_case; it would be lost on the way otherwise.
      case leafSHA256 = "leafSha256"
    }
  }

  public let entries: [Entry]
  /// All workers there are.
  public let workers: Int
}
