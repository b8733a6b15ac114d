import AgentOSCore
import AgentOSSQLite
import AgentOSStore

extension Stores {
    /// Opens the folder's database and brings its schema up to date.
    /// - Throws: `StartupError`
    static func open(_ folder: DataFolder, _ configuration: ServerConfiguration) async throws -> Stores {
        let clock = WallClock.system(offsetSeconds: configuration.clockOffsetSeconds)
        let vault = try Vault(masterKey: MasterKey.load(configuration.masterKey, folder))
        do {
            let database = try SQLiteDatabase(path: folder.database)
            try await Migrator.migrate(database, now: clock.now())
            return Stores(database: database, clock: clock, vault: vault, prices: configuration.runtime.prices)
        } catch let error as AgentOSError {
            throw StartupError(error.message)
        } catch let error as StoreError {
            throw StartupError("Cannot use the database \(folder.database): \(error).")
        }
    }
}
