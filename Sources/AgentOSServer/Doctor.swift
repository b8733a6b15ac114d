import AgentOSCore
import AgentOSOutbound
import AgentOSSQLite
import AgentOSStore
import Foundation

/// One thing that `agentos doctor` looked at.
public struct DoctorFinding: Sendable {
    public enum Level: String, Sendable { case ok, warning, error }

    public let level: Level
    public let check: String
    public let message: String
    /// What to do about it.
    public let advice: String?

    init(_ level: Level, _ check: String, _ message: String, _ advice: String? = nil) {
        self.level = level
        self.check = check
        self.message = message
        self.advice = advice
    }
}

extension ServerCommand {
    /// Looks at configuration, clock, disk, database and providers. Works beside a running server.
    public static func doctor(_ options: ServeOptions) async throws -> [DoctorFinding] {
        let configuration = try ServerConfiguration.load(options, environment: ProcessInfo.processInfo.environment)
        var findings = [DoctorFinding(.ok, "configuration", "Read without errors.")]
        findings.append(clock(configuration))
        findings.append(disk(configuration))
        findings += await database(configuration)
        findings += await providers(configuration)
        return findings
    }

    private static func clock(_ configuration: ServerConfiguration) -> DoctorFinding {
        let now = WallClock.system(offsetSeconds: configuration.clockOffsetSeconds).now()
        let floor = Timestamp(iso8601: "2026-01-01T00:00:00Z") ?? now
        if now < floor {
            return .init(.error, "clock", "The clock says \(now.iso8601).", "Set the clock; events are ordered by it.")
        }
        if configuration.clockOffsetSeconds != 0 {
            return .init(
                .warning, "clock", "Moved by \(configuration.clockOffsetSeconds) s; the server sees \(now.iso8601).",
                "Unset AGENTOS_CLOCK_OFFSET_SECONDS outside of tests.")
        }
        return .init(.ok, "clock", "\(now.iso8601)")
    }

    private static func disk(_ configuration: ServerConfiguration) -> DoctorFinding {
        var path = URL(fileURLWithPath: configuration.data).standardizedFileURL.path
        while !FileManager.default.fileExists(atPath: path), path != "/" {
            path = URL(fileURLWithPath: path).deletingLastPathComponent().path
        }
        let watch = DiskWatch(path: path, minimumFreeBytes: configuration.minimumFreeBytes)
        let free = "\(watch.freeBytes >> 20) MiB free"
        if watch.isLow {
            return .init(
                .error, "disk", "\(free); below \(configuration.minimumFreeBytes >> 20) MiB new data is refused.",
                "Make room, or lower AGENTOS_MIN_FREE_BYTES.")
        }
        return .init(.ok, "disk", free + ".")
    }

    private static func database(_ configuration: ServerConfiguration) async -> [DoctorFinding] {
        do {
            guard try DataFolder.holdsStore(configuration.data) else {
                let message = "There is no store in \(configuration.data)."
                return [.init(.warning, "database", message, "agentos serve makes one.")]
            }
        } catch {
            let message = (error as? StartupError)?.message ?? "\(error)"
            return [.init(.error, "database", message, "Run it as the user that the server runs as.")]
        }
        var findings: [DoctorFinding] = []
        let credentials = URL(fileURLWithPath: configuration.data).standardizedFileURL.path + "/credentials.json"
        if FileManager.default.fileExists(atPath: credentials) {
            findings.append(
                .init(
                    .warning, "credentials", "\(credentials) still holds the first keys in plain text.",
                    "Move them to a password store and delete the file."))
        }
        do {
            // Its lock keeps servers away meanwhile; the store itself is only read.
            let folder = try DataFolder(configuration.data)
            let database = try SQLiteDatabase(path: folder.database, readers: 1, readOnly: true)
            defer { try? database.close() }
            findings += try await store(database, folder, configuration)
        } catch let error as StartupError {
            let inUse = error.message.contains("in use")
            findings.append(
                .init(
                    inUse ? .ok : .error, "database", error.message,
                    inUse ? "Stop the server to have its database checked." : nil))
        } catch let error as StoreError {
            findings.append(.init(.error, "database", "It cannot be read: \(error.reason).", nil))
        } catch let error as AgentOSError {
            findings.append(.init(.error, "database", error.message, nil))
        } catch {
            findings.append(.init(.error, "database", "\(error)", nil))
        }
        return findings
    }

    private static func store(
        _ database: SQLiteDatabase, _ folder: DataFolder, _ configuration: ServerConfiguration
    ) async throws -> [DoctorFinding] {
        let problems = try await database.checkIntegrity()
        guard problems.isEmpty else {
            return [
                .init(
                    .error, "database", problems.prefix(3).joined(separator: "; "),
                    "Stop the server and restore the newest backup.")
            ]
        }
        let version = try await StoreVersion.read(database)
        if let obstacle = StoreVersion.obstacle(version) {
            // An older one is brought up to date by the server's next start.
            return [.init(StoreVersion.isNewer(version) ? .error : .warning, "database", "Sound. \(obstacle)")]
        }
        var findings = [DoctorFinding(.ok, "database", "Sound; schema version \(version).")]
        findings.append(try await secrets(database, folder, configuration))
        findings += try await jobs(database)
        return findings
    }

    /// Whether the master key is the one of the stored secrets.
    private static func secrets(
        _ database: SQLiteDatabase, _ folder: DataFolder, _ configuration: ServerConfiguration
    ) async throws -> DoctorFinding {
        let key: [UInt8]?
        do {
            key = try MasterKey.find(configuration.masterKey, in: folder)
        } catch let error as StartupError {
            return .init(.error, "master key", error.message)
        }
        let found = try await SealedSecrets.counted(in: database, by: try key.map { try Vault(masterKey: $0) })
        if found.areLost {
            return .init(.error, "master key", found.loss(hasKey: key != nil, in: folder), SealedSecrets.lastResort)
        }
        if found.readable < found.count {
            return .init(
                .warning, "master key", "It opens \(found.readable) of \(found.count) stored secrets.",
                "Set the others anew, or put the key back under which they were stored.")
        }
        return .init(.ok, "master key", found.count == 0 ? "No secrets are stored." : "It opens all stored secrets.")
    }

    private static func jobs(_ database: SQLiteDatabase) async throws -> [DoctorFinding] {
        let queue = JobQueue(database: database, committer: GroupCommit(database: database), clock: .system())
        let parked = try await queue.parked(limit: 3)
        if parked.isEmpty { return [] }
        let count = try await queue.counts().parked
        let examples = parked.map { "\($0.kind) \($0.name): \($0.error ?? "no reason")" }.joined(separator: "; ")
        return [
            .init(
                .warning, "jobs",
                "\(count) were given up after many tries: \(examples).",
                "Look into the log of their time; what they were for did not happen.")
        ]
    }

    private static func providers(_ configuration: ServerConfiguration) async -> [DoctorFinding] {
        let given = [
            (
                "anthropic", configuration.providers.anthropicKey,
                configuration.providers.anthropicBaseURL ?? "https://api.anthropic.com"
            ),
            (
                "openai", configuration.providers.openAIKey,
                configuration.providers.openAIBaseURL ?? "https://api.openai.com/v1"
            ),
        ]
        let client = OutboundClient(policy: configuration.outbound)
        var findings: [DoctorFinding] = []
        for (name, key, url) in given {
            guard key != nil else {
                findings.append(
                    .init(.ok, name, "No key in the environment; agents need a stored one (providers_set)."))
                continue
            }
            do {
                let answer = try await client.stream(OutboundRequest(url: url, timeoutSeconds: 5))
                findings.append(.init(.ok, name, "\(url) answers (status \(answer.status))."))
            } catch let error as OutboundError {
                findings.append(
                    .init(
                        .error, name, "\(url) cannot be reached: \(error.message)",
                        "Check the base URL and the network."))
            } catch {
                findings.append(.init(.error, name, "\(url) cannot be reached.", "Check the base URL and the network."))
            }
        }
        await client.shutdown()
        return findings
    }
}
