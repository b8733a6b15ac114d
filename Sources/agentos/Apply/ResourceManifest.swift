import AgentOSCore
import Foundation

/// A file of the workspace as a manifest describes it, with its content.
struct ResourceManifest {
    static let keys = ["filename", "file", "content", "mime_type", "pinned"]

    let filename: String
    let isPinned: Bool
    private let content: String
    private let mimeType: String?
    /// When the content was written; nil when nobody knows.
    private let changedAt: Timestamp?

    /// - Parameters:
    ///   - folder: where relative paths begin.
    ///   - manifest: the manifest's own path, whose age is that of the contents in it.
    init(_ node: ManifestNode, folder: String, manifest: String?) throws {
        try node.check(known: Self.keys)
        let path = try node.string("file").map { $0.hasPrefix("/") ? $0 : folder + $0 }
        guard let filename = try node.string("filename") ?? path.map({ ($0 as NSString).lastPathComponent }),
            !filename.isEmpty
        else { throw node.failure("\(node.place("filename")) is missing.") }
        self.filename = filename
        isPinned = try node.bool("pinned") ?? false
        mimeType = try node.string("mime_type")
        switch (path, try node.string("content")) {
        case (let path?, nil):
            content = try Input.file(path)
            changedAt = Self.changeTime(of: path)
        case (nil, let text?):
            content = text
            changedAt = manifest.flatMap(Self.changeTime)
        default: throw node.failure("\(node.path): give either file or content.")
        }
    }

    private static func changeTime(of path: String) -> Timestamp? {
        let found = try? FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
        return found.map { Timestamp(microseconds: Int64($0.timeIntervalSince1970 * 1e6)) }
    }

    /// Why a listed file is not this one. No list shows contents: one of the same length is taken for the same unless
    /// it was written here after it was stored there.
    func differences(from listed: JSONValue) -> [ManifestChange] {
        var out: [ManifestChange] = []
        if let mimeType, listed["mime_type"]?.stringValue != mimeType {
            out.append(ManifestChange("mime_type", from: listed["mime_type"], to: .string(mimeType)))
        }
        if let size = listed["size_bytes"]?.intValue, size != content.utf8.count {
            out.append(ManifestChange("content", from: Self.bytes(size), to: Self.bytes(content.utf8.count)))
        } else if let changedAt, let storedAt = listed["created_at"]?.stringValue.flatMap({ Timestamp(iso8601: $0) }),
            changedAt.microseconds / 1000 > storedAt.microseconds / 1000
        {
            out.append(
                ManifestChange(
                    "content", from: .string("stored \(storedAt.iso8601)"),
                    to: .string("written \(changedAt.iso8601)")))
        }
        return out
    }

    /// As a change of something that is not there yet.
    var creation: ManifestChange { ManifestChange("content", from: nil, to: Self.bytes(content.utf8.count)) }

    private static func bytes(_ count: Int) -> JSONValue { .string("\(count) bytes") }

    /// The parameters of `resources_create`.
    var parameters: JSONObject {
        var out: JSONObject = ["filename": .string(filename), "content": .string(content)]
        if let mimeType { out["mime_type"] = .string(mimeType) }
        return out
    }
}
