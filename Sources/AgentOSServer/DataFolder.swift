import AgentOSCore
import Foundation

/// The folder that holds everything: database, master key, first credentials, and a lock against a second server.
final class DataFolder: Sendable {
    let path: String
    private let lock: Int32

    var database: String { path + "/agentos.db" }
    var credentials: String { path + "/credentials.json" }
    var masterKey: String { path + "/master.key" }

    /// Makes the folder when it is missing and takes its lock.
    /// - Throws: `StartupError`
    init(_ given: String) throws {
        path = URL(fileURLWithPath: given).standardizedFileURL.path
        if let reason = Self.make(path) { throw StartupError("Cannot create the data folder \(path): \(reason).") }
        lock = open(path + "/agentos.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw StartupError("Cannot write to the data folder \(path): \(Self.reason(errno)).") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw StartupError("The data folder \(path) is in use by another agentos process.")
        }
    }

    deinit { close(lock) }

    private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }

    /// Makes a folder and those above it where they are missing. Returns why it cannot.
    private static func make(_ path: String) -> String? {
        if mkdir(path, 0o700) == 0 { return nil }
        switch errno {
        case EEXIST:
            var isFolder: ObjCBool = false
            let isThere = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            return isThere && isFolder.boolValue ? nil : "it is not a folder"
        case ENOENT where path != "/":
            if let reason = make(URL(fileURLWithPath: path).deletingLastPathComponent().path) { return reason }
            return mkdir(path, 0o700) == 0 ? nil : reason(errno)
        case let code: return reason(code)
        }
    }

    /// Whether a folder holds a store already. Does not take the lock.
    /// - Throws: `StartupError` for one that may not be read, which is not the same as none.
    static func holdsStore(_ given: String) throws -> Bool {
        let database = URL(fileURLWithPath: given).standardizedFileURL.path + "/agentos.db"
        if access(database, F_OK | R_OK) == 0 { return true }
        let code = errno
        guard code == ENOENT || code == ENOTDIR else {
            throw StartupError("Cannot read \(database): \(reason(code)).")
        }
        return false
    }

    /// Writes a file that only its owner can read, whole or not at all.
    func writeSecret(_ bytes: [UInt8], to file: String) throws {
        let temporary = file + ".new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StartupError("Cannot write \(file): \(Self.reason(errno)).") }
        defer { close(descriptor) }
        let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard written == bytes.count, fsync(descriptor) == 0, rename(temporary, file) == 0 else {
            throw StartupError("Cannot write \(file): \(Self.reason(errno)).")
        }
    }
}

/// The key under which stored secrets are encrypted.
enum MasterKey {
    /// From 64 hex digits or base64.
    static func decode(_ text: String) -> [UInt8]? {
        let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
        if trimmed.count == 64 {
            let digits = trimmed.compactMap(\.hexDigitValue)
            guard digits.count == 64 else { return nil }
            return stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
        }
        guard let data = Data(base64Encoded: trimmed), data.count == 32 else { return nil }
        return Array(data)
    }

    /// The configured key, else the folder's; nil when there is neither.
    static func find(_ configured: [UInt8]?, in folder: DataFolder) throws -> [UInt8]? {
        if let configured { return configured }
        guard FileManager.default.fileExists(atPath: folder.masterKey) else { return nil }
        guard let stored = FileManager.default.contents(atPath: folder.masterKey) else {
            throw StartupError("Cannot read the master key in \(folder.masterKey).")
        }
        guard let key = decode(String(decoding: stored, as: UTF8.self)) else {
            throw StartupError("\(folder.masterKey) does not hold a master key.")
        }
        return key
    }

    /// Makes a new key and writes it into the folder.
    static func make(in folder: DataFolder) throws -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        let key = (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let text = key.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        try folder.writeSecret(Array((text + "\n").utf8), to: folder.masterKey)
        return key
    }
}
