import AgentOSServer
import ArgumentParser

/// Flags that win over the environment and the configuration file; what is absent here is decided by the server.
struct ServeFlags: ParsableArguments {
    @Option(help: "The address to listen at (default: 127.0.0.1).")
    var host: String?

    @Option(help: "The port to listen at (default: 8080).")
    var port: Int?

    @Option(help: "The data folder (default: ./agentos-data).")
    var data: String?

    @Option(help: "The configuration file (default: agentos.yaml, when there is one).")
    var config: String?

    @Option(name: .customLong("log-format"), help: "console or json.")
    var logFormat: String?

    @Option(name: .customLong("log-level"), help: "trace, debug, info, notice, warning or error.")
    var logLevel: String?

    var options: ServeOptions {
        var options = ServeOptions()
        options.host = host
        options.port = port
        options.data = data
        options.configFile = config
        options.logFormat = logFormat
        options.logLevel = logLevel
        return options
    }

    func validate() throws {
        if let port, !(0...65535).contains(port) { throw ValidationError("--port must be between 0 and 65535.") }
        if let logFormat, !["console", "json"].contains(logFormat) {
            throw ValidationError("--log-format must be console or json.")
        }
    }
}

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the server until it is told to stop.",
        discussion: """
            On an empty data folder it first does what `agentos init` does, writes the keys to credentials.json there \
            and prints a curl line that works as pasted. SIGTERM and SIGINT end it within ten seconds, after the \
            requests in flight.
            """)

    @OptionGroup var flags: ServeFlags

    @Flag(
        name: .customLong("give-up-secrets"),
        help: "Start although the master key opens none of the stored secrets; they have to be set anew.")
    var giveUpSecrets = false

    func run() async throws {
        var options = flags.options
        options.givesUpSecrets = giveUpSecrets
        try await ServerCommand.serve(options)
    }
}
