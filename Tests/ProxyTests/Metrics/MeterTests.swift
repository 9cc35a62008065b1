import Testing

@testable import Proxy

@Suite struct MeterTests {
  @Test func `a time falls into the first bucket whose bound it does not pass`() {
    for (index, bound) in Histogram.bounds.enumerated() {
      #expect(Histogram.bucket(bound) == index)
      #expect(Histogram.bucket(bound + 1) == index + 1)
    }
    #expect(Histogram.bucketCount == Histogram.bounds.count + 1)
    #expect(Histogram.bucket(.min) == 0)
    #expect(Histogram.bucket(.max) == Histogram.bounds.count)
  }

  @Test func `a histogram counts every time, and sums those that are none as nothing`() {
    var histogram = Histogram()
    for micros in [-5, 0, 250, 251, 40_000_000] as [Int64] { histogram.add(micros) }
    #expect(histogram.count == 5)
    #expect(histogram.sum == 40_000_501)
    #expect(histogram.counts[0] == 3)
    #expect(histogram.counts[16] == 1)
  }

  @Test func `every ending has its two letters, a reason, a name and room in the meter`() {
    var meter = BackendMeter()
    for ending in Ending.allCases {
      meter.add(ending)
      #expect(meter[ending] == 1)
      #expect("\(ending.state)".utf8.count == 2)
      #expect(!"\(ending.reason)".isEmpty)
    }
    #expect(Ending.clientGoneInData.name == "client_gone_in_data")
    #expect(Set(Ending.allCases.map(\.name)).count == Ending.allCases.count)
  }

  @Test func `a status outside of 1xx to 5xx counts as none`() {
    var classes = ResponseClasses()
    for status in [0, 99, 204, 599, 600, 999] as [UInt16] { classes.add(status) }
    #expect(classes[0] == 4)
    #expect(classes[2] == 1)
    #expect(classes[5] == 1)
    #expect(classes.total == 6)
  }
}
