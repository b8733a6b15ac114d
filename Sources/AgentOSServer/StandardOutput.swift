import Foundation

/// Where the log and the banner go.
enum StandardOutput {
    /// One write, so that lines of different threads do not mix. A reader that has gone away or a full disk must not
    /// end the server: what cannot be written is lost.
    static func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { _ = Foundation.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }
}
