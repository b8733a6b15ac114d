import AgentOSCore
import AgentOSStore
import Foundation
import Synchronization

/// Files of any size, read and written a piece at a time.
enum BoundedFile {
    static let piece = 1 << 20

    /// Calls `body` with each line, without its end; a rest without a line end is not one.
    /// - Returns: bytes of whole lines.
    @discardableResult
    static func lines(of path: String, _ body: (ArraySlice<UInt8>) async throws -> Void) async throws -> Int {
        guard let file = FileHandle(forReadingAtPath: path) else { throw StartupError("Cannot read \(path).") }
        defer { try? file.close() }
        var (rest, whole): ([UInt8], Int) = ([], 0)
        while let data = try file.read(upToCount: piece), !data.isEmpty {
            // Where no line end can be yet is not looked at again.
            let known = rest.count
            rest.append(contentsOf: data)
            var start = 0
            var from = known
            while let end = rest[from...].firstIndex(of: 0x0a) {
                try await body(rest[start..<end])
                start = end + 1
                from = start
            }
            whole += start
            rest.removeFirst(start)
        }
        return whole
    }

    /// The first bytes of a file, fewer when it is shorter.
    static func head(of path: String, bytes: Int) throws -> [UInt8] {
        guard let file = FileHandle(forReadingAtPath: path) else { throw StartupError("Cannot read \(path).") }
        defer { try? file.close() }
        return Array(try file.read(upToCount: bytes) ?? Data())
    }

    /// Copies a file into a new one that nobody but its owner can read.
    /// - Throws: `StartupError`, as on a full disk.
    static func copy(_ path: String, to new: String) throws {
        guard let file = FileHandle(forReadingAtPath: path) else { throw StartupError("Cannot read \(path).") }
        defer { try? file.close() }
        let copy = try AppendedFile(new, keep: nil)
        while let data = try file.read(upToCount: piece), !data.isEmpty { try copy.append(Array(data)) }
    }

    /// The SHA-256 of a file.
    static func checksum(of path: String) throws -> String {
        guard let file = FileHandle(forReadingAtPath: path) else { throw StartupError("Cannot read \(path).") }
        defer { try? file.close() }
        var sum = Checksum()
        while let data = try file.read(upToCount: piece), !data.isEmpty { sum.add(data) }
        return sum.hex
    }

    /// Flushes a file, and the folder that names it, to the disk.
    static func flush(_ path: String) throws {
        for name in [path, URL(fileURLWithPath: path).deletingLastPathComponent().path] {
            let descriptor = open(name, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0, fsync(descriptor) == 0 else {
                throw StartupError("Cannot write \(path): \(String(cString: strerror(errno))).")
            }
            close(descriptor)
        }
    }

    /// Makes an empty file that nobody but its owner can read.
    static func create(_ path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StartupError("Cannot write \(path): \(String(cString: strerror(errno))).")
        }
        close(descriptor)
    }

    static func size(of path: String) -> Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.size] as? NSNumber)?.intValue ?? 0
    }
}

/// A file that is written to its end.
final class AppendedFile: Sendable {
    let path: String
    private let descriptor: Int32

    /// - Parameter keep: bytes of a file that is there already; what follows them is cut off. Nil wants a new file.
    init(_ path: String, keep: Int?) throws {
        self.path = path
        let flags = keep == nil ? O_CREAT | O_EXCL : 0
        descriptor = open(path, O_WRONLY | O_CLOEXEC | flags, 0o600)
        guard descriptor >= 0 else {
            throw StartupError(
                errno == EEXIST
                    ? "\(path) is there already." : "Cannot write \(path): \(String(cString: strerror(errno))).")
        }
        if let keep, ftruncate(descriptor, off_t(keep)) != 0 || lseek(descriptor, 0, SEEK_END) < 0 {
            throw StartupError("Cannot write \(path): \(String(cString: strerror(errno))).")
        }
    }

    deinit { close(descriptor) }

    func append(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw StartupError("Cannot write \(path): \(String(cString: strerror(errno))).") }
            rest = rest.dropFirst(written)
        }
    }

    func flush() throws {
        guard fsync(descriptor) == 0 else {
            throw StartupError("Cannot write \(path): \(String(cString: strerror(errno))).")
        }
    }
}
