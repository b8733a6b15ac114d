import AgentOSClient
import ArgumentParser

struct RunEventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Print the events of a run, in order.")

    private static let page = 1000

    @Argument(help: "The run's id.")
    var run: String

    @Option(help: "Only events after this sequence number.")
    var after = 0

    @Option(help: "How many at most (default: all).")
    var limit: Int?

    @Flag(help: "Print a JSON array.")
    var json = false

    @OptionGroup var server: ServerOptions

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
        if after < 0 { throw ValidationError("--after must not be negative.") }
    }

    /// Prints page by page, so that a run of any length is shown in little memory.
    func run() async throws {
        let id: RunID = try parseID(run, "run")
        let client = try server.client()
        var last = after
        var left = limit ?? .max
        var isFirst = true
        while left > 0 {
            let wanted = min(left, Self.page)
            let answer = try await client.rpc(
                "runs_get_events",
                ["run_id": .string(id.description), "after_sequence": .int(last), "limit": .int(wanted)])
            let page = answer.data.arrayValue ?? []
            write(page, isFirst: isFirst)
            isFirst = isFirst && page.isEmpty
            guard page.count == wanted, let newest = page.last?["sequence_number"]?.intValue, newest > last else {
                break
            }
            last = newest
            left -= page.count
        }
        if json { Output.line(isFirst ? "[]" : "\n]") } else if isFirst { Output.note("No events.") }
    }

    private func write(_ page: [JSONValue], isFirst: Bool) {
        guard !page.isEmpty else { return }
        var writer = JSONWriter(capacity: page.count * 256)
        for (position, event) in page.enumerated() {
            if json {
                writer.raw(isFirst && position == 0 ? "[\n" : ",\n")
                writer.value(event)
            } else {
                writer.raw(EventLine.text(event, withRun: false).utf8)
                writer.raw("\n")
            }
        }
        Output.bytes(writer.bytes)
    }
}
