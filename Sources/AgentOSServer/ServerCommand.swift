import AgentOSControl
import AgentOSCore
import AgentOSHTTP
import AgentOSOutbound
import AgentOSRuntime
import AgentOSStore
import Foundation
import Hummingbird
import Logging
import ServiceLifecycle

/// What the command line can do with a server's own files.
public enum ServerCommand {
    public static let version = "0.1.0"

    /// Creates the store in a folder; nil when there is one already.
    /// - Throws: `StartupError`
    public static func initialise(data: String?) async throws -> JSONObject? {
        var options = ServeOptions()
        options.data = data
        let configuration = try ServerConfiguration.load(options, environment: ProcessInfo.processInfo.environment)
        if DataFolder.holdsStore(configuration.data) { return nil }
        let folder = try DataFolder(configuration.data)
        let store = try await Stores.open(folder, configuration)
        defer { try? store.database.close() }
        guard try await store.workspaces.isEmpty() else { return nil }
        return try await Bootstrap.run(store)
    }

    /// Makes the figures by day anew out of the runs, in a store that no server has open.
    /// - Throws: `StartupError`
    public static func rebuildRollups(_ options: ServeOptions) async throws {
        let configuration = try ServerConfiguration.load(options, environment: ProcessInfo.processInfo.environment)
        guard DataFolder.holdsStore(configuration.data) else {
            throw StartupError("There is no store in \(configuration.data).")
        }
        let folder = try DataFolder(configuration.data)
        let store = try await Stores.open(folder, configuration)
        defer { try? store.database.close() }
        try await store.committer.write { try RollupKeeper.rebuild($0) }
    }

    /// Serves until SIGTERM or SIGINT.
    /// - Throws: `StartupError` for what a person has to mend.
    public static func serve(_ options: ServeOptions) async throws {
        let configuration = try ServerConfiguration.load(options, environment: ProcessInfo.processInfo.environment)
        // A client that leaves must not end the process.
        signal(SIGPIPE, SIG_IGN)
        let (format, level) = (configuration.logFormat, configuration.logLevel)
        LoggingSystem.bootstrap { LineLogHandler(label: $0, format: format, logLevel: level) }
        let logger = Logger(label: "agentos")
        let folder = try DataFolder(configuration.data)
        let store = try await Stores.open(folder, configuration, givingUpSecrets: options.givesUpSecrets)
        let (server, credentials) = try await explaining(folder) {
            var credentials: JSONObject?
            if try await store.workspaces.isEmpty() {
                let made = try await Bootstrap.run(store)
                try folder.writeSecret(Array((JSONValue.object(made).prettyText + "\n").utf8), to: folder.credentials)
                credentials = made
            }
            let server = try Server(store: store, folder: folder, configuration: configuration, logger: logger)
            try await server.recover()
            return (server, credentials)
        }
        try await server.run(firstCredentials: credentials)
    }

    /// What the store throws while a server starts, as something for a person to mend.
    private static func explaining<T>(_ folder: DataFolder, _ body: () async throws -> T) async throws -> T {
        do {
            return try await body()
        } catch let error as AgentOSError {
            throw StartupError(error.message)
        } catch let error as StoreError {
            throw StartupError("Cannot use the database \(folder.database): \(error.reason).")
        }
    }
}
