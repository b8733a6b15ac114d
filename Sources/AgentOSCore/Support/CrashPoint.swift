#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif
import Synchronization

/// Named places between any two commits and effects of a hosted run, where tests have the process killed.
///
/// `AGENTOS_CRASH_AT=name:n` kills the process (SIGKILL) when it passes the place for the n-th time;
/// `AGENTOS_CRASH_LOG=file` appends each name as it is passed. Without them a place costs one comparison.
public enum CrashPoint {
    private struct Settings: Sendable {
        var name = ""
        var passing = 1
        var log: String?
    }

    private static let settings: Settings? = {
        guard getenv("AGENTOS_CRASH_AT") != nil || getenv("AGENTOS_CRASH_LOG") != nil else { return nil }
        var settings = Settings()
        if let target = getenv("AGENTOS_CRASH_AT") {
            let parts = String(cString: target).split(separator: ":")
            settings.name = parts.first.map(String.init) ?? ""
            settings.passing = parts.count > 1 ? Int(parts[1]) ?? 1 : 1
        }
        settings.log = getenv("AGENTOS_CRASH_LOG").map { String(cString: $0) }
        return settings
    }()

    private static let passed = Mutex(0)

    @inline(__always)
    public static func pass(_ name: @autoclosure () -> String) {
        if let settings { pass(name(), settings) }
    }

    private static func pass(_ name: String, _ settings: Settings) {
        if let log = settings.log {
            let line = Array((name + "\n").utf8)
            let file = open(log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
            if file >= 0 {
                _ = write(file, line, line.count)
                close(file)
            }
        }
        guard name == settings.name else { return }
        let count = passed.withLock { count -> Int in
            count += 1
            return count
        }
        if count == settings.passing { kill(getpid(), SIGKILL) }
    }
}
