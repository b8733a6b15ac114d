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
        if try DataFolder.holdsStore(configuration.data) { return nil }
        let folder = try DataFolder(configuration.data)
        let store = try await Stores.open(folder, configuration)
        defer { try? store.database.close() }
        return try await firstContent(of: store, in: folder)
    }

    /// Fills a store that has no workspace yet; nil for one that has. The first keys are written down last, so that
    /// where they are there was a store.
    /// - Throws: `StartupError` when it is gone: its keys are neither overwritten nor good for a new one.
    private static func firstContent(of store: Stores, in folder: DataFolder) async throws -> JSONObject? {
        guard try await store.workspaces.isEmpty() else { return nil }
        guard !FileManager.default.fileExists(atPath: folder.credentials) else {
            throw StartupError(
                "The store in \(folder.path) is empty, but \(folder.credentials) has the keys of an earlier one: put "
                    + "that one back (agentos restore --replace), or move credentials.json away to begin anew.")
        }
        return try await Bootstrap.run(store)
    }

    /// Makes the figures by day anew out of the runs, in a store that no server has open.
    /// - Throws: `StartupError`
    public static func rebuildRollups(_ options: ServeOptions) async throws {
        let configuration = try ServerConfiguration.load(options, environment: ProcessInfo.processInfo.environment)
        guard try DataFolder.holdsStore(configuration.data) else {
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
            let credentials = try await firstContent(of: store, in: folder)
            if let credentials {
                try folder.writeSecret(
                    Array((JSONValue.object(credentials).prettyText + "\n").utf8), to: folder.credentials)
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
