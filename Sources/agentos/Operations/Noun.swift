import AgentOSClient
import ArgumentParser

/// One thing a verb does: an operation of the control plane.
struct Verb: Sendable {
    let name: String
    let operation: String
    /// What a table shows of its rows, in order; empty: the members that fit.
    let columns: [Column]

    init(_ name: String, _ operation: String, _ columns: String = "") {
        self.name = name
        self.operation = operation
        self.columns = columns.split(separator: " ").map { Column(String($0)) }
    }
}

/// What a group of verbs is about.
protocol Noun {
    static var name: String { get }
    static var abstract: String { get }
    static var verbs: [Verb] { get }
}

/// `agentos <noun> <verb> …`: calls the operation behind the verb. What it takes is read from the server's own
/// description, so that the command and the server cannot differ.
struct NounCommand<Subject: Noun>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: Subject.name, abstract: Subject.abstract,
            discussion: """
                Verbs: \(Subject.verbs.map(\.name).joined(separator: ", ")).

                What a verb requires is given in order, everything else as --name VALUE: a dash for each underscore of the \
                parameter's name, lists by commas or as JSON, objects as JSON, @FILE for the content of a file. A verb with \
                --describe says what it takes.
                """)
    }

    @Argument(parsing: .allUnrecognized, help: "The verb, and what it takes.")
    var words: [String] = []

    @Flag(help: "Say what the verb takes instead of doing it.")
    var describe = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let named = Subject.verbs.first { $0.name == words.first }
        let isUnsaid = words.first?.hasPrefix("--") ?? true
        guard let verb = named ?? (isUnsaid ? usual : nil) ?? only else {
            let known = Subject.verbs.map(\.name).joined(separator: ", ")
            throw CommandFailure("agentos \(Subject.name) does one of: \(known).", .usage)
        }
        let rest = named == nil ? words[...] : words.dropFirst()
        let client = try server.client()
        let form = try OperationForm(verb.operation, in: try await client.openAPI())
        if describe { return form.print(as: "agentos \(Subject.name) \(verb.name)") }
        let parameters = try await form.parameters(rest) { try await client.agentID($0).description }
        let answer = try await client.rpc(verb.operation, parameters)
        if json { return Output.json(answer.data) }
        answer.data.printForPeople(columns: verb.columns)
        if let cursor = answer.nextCursor { Output.note("There is more: --cursor \(cursor)") }
    }

    /// What is done when no verb is said.
    private var usual: Verb? { Subject.verbs.first { $0.name == "list" } }

    /// The verb of a noun that has but one need not be said.
    private var only: Verb? { Subject.verbs.count == 1 ? Subject.verbs[0] : nil }
}
