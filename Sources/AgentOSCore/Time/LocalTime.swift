import Foundation

/// A time zone's way of counting, on the proleptic Gregorian calendar and without the machine's settings.
public struct LocalTime: Sendable {
    /// A day on the calendar.
    public struct Day: Sendable, Hashable {
        /// Days since 1970-01-01.
        public let number: Int64

        public init(number: Int64) { self.number = number }

        /// 0 is Sunday.
        public var weekday: Int { Int(((number % 7) + 11) % 7) }

        /// Year, month (1 to 12) and day of the month (from 1).
        public var date: (year: Int64, month: Int, day: Int) {
            // Counted from 0000-03-01, so that a leap day is a year's last.
            let shifted = number + 719_468
            let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
            let ofEra = shifted - era * 146_097
            let year = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
            let ofYear = ofEra - (365 * year + year / 4 - year / 100)
            let month = (5 * ofYear + 2) / 153
            return (
                year + era * 400 + (month >= 10 ? 1 : 0), Int(month < 10 ? month + 3 : month - 9),
                Int(ofYear - (153 * month + 2) / 5 + 1)
            )
        }
    }

    private let zone: TimeZone

    /// - Parameter zone: an IANA name; nil when there is no such zone.
    public init?(zone name: String) {
        // Foundation takes abbreviations, offsets and perhaps paths too; a name of the zone database is meant.
        let known = ZoneNames.short[name] ?? (Self.isOfPlace(name) ? name : nil)
        guard let known, let zone = TimeZone(identifier: known) else { return nil }
        self.zone = zone
    }

    /// Whether a name looks like `Region/Place`.
    private static func isOfPlace(_ name: String) -> Bool {
        let parts = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return parts.count > 1 && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy(isOfName) }
    }

    /// A letter, a digit, or one of `+`, `-` and `_`.
    private static func isOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2b, 0x2d, 0x5f: true
        default: false
        }
    }

    private func offset(at seconds: Int64) -> Int64 {
        Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(seconds))))
    }

    /// The local day that a moment belongs to.
    public func day(of time: Timestamp) -> Day {
        let seconds = Timestamp.floorDivide(time.microseconds, 1_000_000)
        return Day(number: Timestamp.floorDivide(seconds + offset(at: seconds), 86_400))
    }

    /// When a clock on the wall shows this minute of this day. A minute that is skipped counts as the next one there is; of
    /// one that comes twice the first counts.
    public func moment(_ day: Day, minute: Int) -> Timestamp {
        moments(day, minute: minute).first ?? jump(near: day.number * 86_400 + Int64(minute) * 60)
    }

    /// All moments at which a clock on the wall shows this minute of this day: none, one or two.
    func moments(_ day: Day, minute: Int) -> [Timestamp] {
        let local = day.number * 86_400 + Int64(minute) * 60
        let (before, after) = (offset(at: local - 86_400), offset(at: local + 86_400))
        let offsets = before == after ? [before] : [max(before, after), min(before, after)]
        return offsets.map { local - $0 }.filter { offset(at: $0) == local - $0 }.map {
            Timestamp(microseconds: $0 * 1_000_000)
        }
    }

    /// The moment at which the clocks jump over a local time.
    private func jump(near local: Int64) -> Timestamp {
        let (before, after) = (offset(at: local - 86_400), offset(at: local + 86_400))
        var (low, high) = (local - max(before, after) - 7200, local - min(before, after) + 7200)
        let old = offset(at: low)
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if offset(at: middle) == old { low = middle } else { high = middle }
        }
        return Timestamp(microseconds: high * 1_000_000)
    }

    /// Whether the clocks are changed on a day, or on one beside it.
    func isChanged(around day: Day) -> Bool {
        offset(at: (day.number - 1) * 86_400) != offset(at: (day.number + 2) * 86_400)
    }
}
