import AgentOSCore
import AgentOSSQLite
import AgentOSStore

extension Stores {
    /// Opens the folder's database and brings its schema up to date. Where there is no master key one is made, unless
    /// secrets are stored already: a new key would hide that theirs is missing.
    /// - Parameter givingUpSecrets: goes on although none of the stored secrets can be opened.
    /// - Throws: `StartupError`
    static func open(
        _ folder: DataFolder, _ configuration: ServerConfiguration, givingUpSecrets: Bool = false
    ) async throws -> Stores {
        let clock = WallClock.system(offsetSeconds: configuration.clockOffsetSeconds)
        let key = try MasterKey.find(configuration.masterKey, in: folder)
        do {
            let database = try SQLiteDatabase(path: folder.database)
            do {
                try await Migrator.migrate(database, now: clock.now())
                let known = try key.map { try Vault(masterKey: $0) }
                let secrets = try await SealedSecrets.counted(in: database, by: known)
                if secrets.areLost, !givingUpSecrets {
                    throw StartupError(secrets.loss(hasKey: key != nil, in: folder) + " " + SealedSecrets.lastResort)
                }
                return Stores(
                    database: database, clock: clock,
                    vault: try known ?? Vault(masterKey: MasterKey.make(in: folder)),
                    prices: configuration.runtime.prices)
            } catch {
                try? database.close()
                throw error
            }
        } catch let error as AgentOSError {
            throw StartupError(error.message)
        } catch let error as StoreError {
            throw StartupError("Cannot use the database \(folder.database): \(error.reason).")
        }
    }
}

extension SealedSecrets {
    /// That the stored secrets cannot be opened, and what mends it.
    func loss(hasKey: Bool, in folder: DataFolder) -> String {
        let key =
            hasKey
            ? "the master key opens none of them: it is not the one they were stored under"
            : "there is no master key"
        return "The store holds \(count) secrets (such as provider keys and tokens of tools), but \(key). "
            + "Put the right one into \(folder.masterKey), or set AGENTOS_MASTER_KEY."
    }

    /// For a key that is gone for good.
    static let lastResort =
        "If it is lost for good, agentos serve --give-up-secrets starts all the same; they have to be set anew."
}
