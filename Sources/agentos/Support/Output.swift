import AgentOSCore
import Foundation

/// What goes to the terminal. Written straight through, so that a stream is seen as it comes; when the reader has
/// gone away (`agentos tail | head`) the process ends quietly.
enum Output {
    static func line(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

    static func text(_ text: String) { write(text, to: STDOUT_FILENO) }

    static func bytes(_ bytes: [UInt8]) { write(bytes, to: STDOUT_FILENO) }

    static func json(_ value: JSONValue) { line(value.prettyText) }

    /// A remark for people beside the output proper.
    static func note(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    /// A piece of a line beside the output proper.
    static func progress(_ text: String) { write(text, to: STDERR_FILENO) }

    static func error(_ message: String) {
        let oneLine = message.split(whereSeparator: \.isNewline).joined(separator: " ")
        write("agentos: \(printable(oneLine))\n", to: STDERR_FILENO)
    }

    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// The text without what could steer a terminal: control characters become spaces, but for line ends and tabs
    /// where `lines` allows them.
    static func printable(_ text: String, lines: Bool = false) -> String {
        var out = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar.properties.generalCategory == .control
            out.append(isControl && !(lines && (scalar == "\n" || scalar == "\t")) ? " " : scalar)
        }
        return String(out)
    }

    private static func write(_ text: String, to descriptor: Int32) { write(Array(text.utf8), to: descriptor) }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if written > 0 {
                rest = rest.dropFirst(written)
            } else if errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&waiting, 1, -1)
            } else if errno != EINTR {
                return giveUp(descriptor, errno)
            }
        }
    }

    /// Without its output a command has nothing left to do; without remarks it goes on.
    private static func giveUp(_ descriptor: Int32, _ code: Int32) {
        guard descriptor == STDOUT_FILENO else { return }
        if code == EPIPE { exit(ExitStatus.ok.rawValue) }
        error("Cannot write the output: \(String(cString: strerror(code))).")
        exit(ExitStatus.failed.rawValue)
    }

    /// Puts something in the place of standard streams that are closed: else the next file or connection that is opened
    /// would take their numbers, and be written to as if it were the terminal.
    static func fillClosedStreams() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 {
            _ = open("/dev/null", O_RDWR)
        }
    }
}
