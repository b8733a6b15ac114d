import AgentOSCore
import Foundation

/// A database file with the log and the index that belong to it and must never lie beside another one.
struct StoreFiles {
    private static let suffixes = ["", "-wal", "-shm"]

    let database: String
    /// Which of the files there are.
    private let suffixes: [String]

    /// Those of a database; nil when there is none of them.
    static func there(_ database: String) -> StoreFiles? {
        let found = suffixes.filter { FileManager.default.fileExists(atPath: database + $0) }
        return found.isEmpty ? nil : StoreFiles(database: database, suffixes: found)
    }

    /// Moves all of them, or none, to a name of its own: whatever was moved aside before stays.
    /// - Throws: `StartupError`
    func moveAside(now: Timestamp) throws -> StoreFiles {
        let stamp = now.iso8601.prefix(19).filter { $0 != "-" && $0 != ":" }
        let first = "\(database).before-restore-\(stamp)Z"
        var (name, number) = (first, 1)
        while Self.there(name) != nil {
            number += 1
            name = "\(first)-\(number)"
        }
        return try move(to: name)
    }

    /// Undoes `moveAside` as far as that can be done.
    func moveBack(to database: String) { _ = try? move(to: database) }

    private func move(to name: String) throws -> StoreFiles {
        for (index, suffix) in suffixes.enumerated() where rename(database + suffix, name + suffix) != 0 {
            let reason = String(cString: strerror(errno))
            for moved in suffixes[..<index] { _ = rename(name + moved, database + moved) }
            throw StartupError("Cannot move \(database + suffix) to \(name + suffix): \(reason).")
        }
        return StoreFiles(database: name, suffixes: suffixes)
    }
}
