import Proxy

enum TracingFields {
  static let to = Field(
    "to", .described("a URL, such as http://127.0.0.1:4318/v1/traces"), isRequired: true,
    "The collector that spans are sent to: OTLP over HTTP, as JSON.")
  static let trust = Field(
    "trust", .list("a network, such as 10.0.0.0/8"), standard: "nobody",
    "Whose `traceparent` is kept; for all others a trace begins here.")
  static let sample = Field(
    "sample", .described("a percentage, such as 10% or 0.1%"), standard: "100%",
    "How many of the traces that begin here are told of; a trusted client decides for his own.")
  static let service = Field(
    "service", .text, standard: "gatehouse", "What the collector calls this process (service.name)."
  )
  static let authority = Field(
    "ca", .path, standard: "the system's authorities",
    "PEM of the authorities that an https collector is trusted by.")
  static let headers = Field(
    "headers", .path,
    "A file that only its owner may read, of `Name: value` lines to send along, such as a collector's key."
  )
  static let section = Section(
    "tracing", "Follows requests through the servers behind (W3C Trace Context, OpenTelemetry).",
    [to, trust, sample, service, authority, headers])
}
