import AgentOSCore
import Synchronization

/// Counters and latencies of the edge, and their Prometheus text.
public final class Metrics: Sendable {
    private struct Series: Hashable {
        let route: String
        let status: Int
    }

    private struct State {
        var requests: [Series: UInt64] = [:]
        var latencies: [String: Latency] = [:]
        var events: UInt64 = 0
        var repeated: UInt64 = 0
    }

    private struct Latency {
        var buckets = [UInt64](repeating: 0, count: Metrics.bounds.count + 1)
        var sum = 0.0
        var count: UInt64 = 0
    }

    /// Upper bounds of the latency buckets, in seconds.
    private static let bounds = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
    ]

    private let state = Mutex(State())

    public init() {}

    func record(route: String, status: Int, seconds: Double) {
        state.withLock { state in
            state.requests[Series(route: route, status: status), default: 0] += 1
            let slot = Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count
            state.latencies[route, default: Latency()].buckets[slot] += 1
            state.latencies[route]?.sum += seconds
            state.latencies[route]?.count += 1
        }
    }

    func recordEvents(stored: Int, repeated: Int) {
        state.withLock { state in
            state.events += UInt64(stored)
            state.repeated += UInt64(repeated)
        }
    }

    /// One number of another part of the server, or several of one kind.
    public struct Gauge: Sendable {
        let name: String
        let help: String
        let type: String
        let samples: [(suffix: String, labels: String, value: Double)]

        public init(
            _ name: String, _ help: String, type: String = "gauge", _ values: [(labels: String, value: Double)]
        ) {
            self.name = name
            self.help = help
            self.type = type
            samples = values.map { ("", $0.labels, $0.value) }
        }

        /// A histogram.
        /// - Parameters:
        ///   - counts: how often values fell between one bound and the one before it; one more than there are bounds.
        ///   - sum: of all values.
        public init(_ name: String, _ help: String, bounds: [Int], counts: [UInt64], sum: Double) {
            self.name = name
            self.help = help
            type = "histogram"
            var samples: [(suffix: String, labels: String, value: Double)] = []
            var total: UInt64 = 0
            for (slot, count) in counts.enumerated() {
                total += count
                let bound = slot < bounds.count ? "\(bounds[slot])" : "+Inf"
                samples.append(("_bucket", "le=\"\(bound)\"", Double(total)))
            }
            samples.append(("_sum", "", sum))
            samples.append(("_count", "", Double(total)))
            self.samples = samples
        }

        public init(_ name: String, _ help: String, type: String = "gauge", _ value: Double) {
            self.init(name, help, type: type, [("", value)])
        }
    }

    func text(_ others: [Gauge]) -> String {
        let state = state.withLock { $0 }
        var out = ""
        func head(_ name: String, _ type: String, _ help: String) {
            out += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
        }
        head("agentos_http_requests_total", "counter", "Answered requests by route and status.")
        for (series, count) in state.requests.sorted(by: {
            ($0.key.route, $0.key.status) < ($1.key.route, $1.key.status)
        }) {
            out += "agentos_http_requests_total{route=\"\(series.route)\",status=\"\(series.status)\"} \(count)\n"
        }
        head("agentos_http_request_duration_seconds", "histogram", "Time to the answer by route.")
        for (route, latency) in state.latencies.sorted(by: { $0.key < $1.key }) {
            var sum: UInt64 = 0
            for (bound, count) in zip(Self.bounds, latency.buckets) {
                sum += count
                out += "agentos_http_request_duration_seconds_bucket{route=\"\(route)\",le=\"\(bound)\"} \(sum)\n"
            }
            out += "agentos_http_request_duration_seconds_bucket{route=\"\(route)\",le=\"+Inf\"} \(latency.count)\n"
            out += "agentos_http_request_duration_seconds_sum{route=\"\(route)\"} \(latency.sum)\n"
            out += "agentos_http_request_duration_seconds_count{route=\"\(route)\"} \(latency.count)\n"
        }
        head("agentos_ingest_events_total", "counter", "Events stored by reports.")
        out += "agentos_ingest_events_total \(state.events)\n"
        head("agentos_ingest_repeated_events_total", "counter", "Events that were sent again and recognised.")
        out += "agentos_ingest_repeated_events_total \(state.repeated)\n"
        for gauge in others {
            head(gauge.name, gauge.type, gauge.help)
            for (suffix, labels, value) in gauge.samples {
                let shown = value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
                let place = labels.isEmpty ? "" : "{\(labels)}"
                out += "\(gauge.name)\(suffix)\(place) \(shown)\n"
            }
        }
        return out
    }
}
