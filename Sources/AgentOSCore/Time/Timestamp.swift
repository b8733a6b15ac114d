/// A moment, in microseconds since 1970-01-01T00:00:00Z. Every time inside the server is one of these.
public struct Timestamp: Hashable, Comparable, Sendable {
    public let microseconds: Int64

    public init(microseconds: Int64) { self.microseconds = microseconds }

    public var milliseconds: Int64 { Timestamp.floorDivide(microseconds, 1000) }

    public static func < (a: Timestamp, b: Timestamp) -> Bool { a.microseconds < b.microseconds }

    public func advanced(bySeconds seconds: Double) -> Timestamp {
        Timestamp(microseconds: microseconds + Int64(seconds * 1_000_000))
    }

    /// Whole milliseconds from `start` to here, never negative: a clock step must not make a negative duration.
    public func millisecondsSince(_ start: Timestamp) -> Int {
        Int(max(0, (microseconds - start.microseconds) / 1000))
    }

    static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 {
        let quotient = a / b
        return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient
    }
}

// MARK: - ISO 8601

extension Timestamp {
    /// Days since the epoch of a proleptic Gregorian date (Howard Hinnant's `days_from_civil`).
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let y = month <= 2 ? year - 1 : year
        let era = floorDivide(y, 400)
        let yoe = y - era * 400
        let doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy
        return era * 146_097 + doe - 719_468
    }

    /// Reads `2026-05-11T20:00[:00[.fraction]](Z|±hh[[:]mm])`, 0 to 9 fraction digits, cut to microseconds.
    public init?(iso8601 bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.count >= 17, bytes.count <= 40 else { return nil }
        func number(_ start: Int, _ count: Int) -> Int64? {
            guard start + count <= bytes.count else { return nil }
            var value: Int64 = 0
            for index in start..<start + count {
                let digit = bytes[index] &- 0x30
                guard digit <= 9 else { return nil }
                value = value * 10 + Int64(digit)
            }
            return value
        }
        guard bytes[4] == 0x2d, bytes[7] == 0x2d, bytes[10] == 0x54 || bytes[10] == 0x74 || bytes[10] == 0x20,
            bytes[13] == 0x3a,
            let year = number(0, 4), let month = number(5, 2), let day = number(8, 2),
            let hour = number(11, 2), let minute = number(14, 2),
            month >= 1, month <= 12, day >= 1, hour <= 23, minute <= 59
        else { return nil }
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths: (Int64) -> Int64 = { m in
            m == 2 ? (leap ? 29 : 28) : (m == 4 || m == 6 || m == 9 || m == 11 ? 30 : 31)
        }
        guard day <= lengths(month) else { return nil }
        var position = 16
        var second: Int64 = 0
        var micros: Int64 = 0
        if bytes[position] == 0x3a {
            guard let given = number(17, 2), given <= 60 else { return nil }
            second = given
            position = 19
        }
        if position == 19, position < bytes.count, bytes[position] == 0x2e || bytes[position] == 0x2c {
            position += 1
            var digits = 0
            while position < bytes.count, bytes[position] &- 0x30 <= 9 {
                guard digits < 9 else { return nil }
                if digits < 6 { micros = micros * 10 + Int64(bytes[position] &- 0x30) }
                digits += 1
                position += 1
            }
            guard digits > 0 else { return nil }
            while digits < 6 {
                micros *= 10
                digits += 1
            }
        }
        guard position < bytes.count else { return nil }
        var offset: Int64 = 0
        switch bytes[position] {
        case 0x5a, 0x7a:
            position += 1
        case 0x2b, 0x2d:
            let sign: Int64 = bytes[position] == 0x2b ? 1 : -1
            guard let hours = number(position + 1, 2), hours <= 23 else { return nil }
            position += 3
            var minutes: Int64 = 0
            if position < bytes.count {
                if bytes[position] == 0x3a { position += 1 }
                guard let given = number(position, 2), given <= 59 else { return nil }
                minutes = given
                position += 2
            }
            offset = sign * (hours * 3600 + minutes * 60)
        default:
            return nil
        }
        guard position == bytes.count else { return nil }
        let seconds =
            Self.days(year: year, month: month, day: day) * 86400 + hour * 3600 + minute * 60 + second - offset
        // An offset can move the first and last hours out of the years that can be written with four digits.
        guard seconds >= -62_167_219_200, seconds < 253_402_300_800 else { return nil }
        self.init(microseconds: seconds * 1_000_000 + micros)
    }

    public init?(iso8601 text: String) {
        var text = text
        guard let parsed = text.withUTF8({ Timestamp(iso8601: $0) }) else { return nil }
        self = parsed
    }

    /// Appends `2026-05-11T20:00:00.000Z`. Times outside the years 0 to 9999 are written as the nearest inside.
    public func append(to out: inout [UInt8]) {
        let millis = min(max(milliseconds, -62_167_219_200_000), 253_402_300_799_999)
        let days = Self.floorDivide(millis, 86_400_000)
        var rest = millis - days * 86_400_000
        let z = days + 719_468
        let era = Self.floorDivide(z, 146_097)
        let doe = z - era * 146_097
        let yoe = (doe - doe / 1460 + doe / 36524 - doe / 146_096) / 365
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100)
        let mp = (5 * doy + 2) / 153
        let day = doy - (153 * mp + 2) / 5 + 1
        let month = mp < 10 ? mp + 3 : mp - 9
        let year = yoe + era * 400 + (month <= 2 ? 1 : 0)
        func put(_ value: Int64, _ width: Int) {
            var divisor: Int64 = 1
            for _ in 1..<width { divisor *= 10 }
            while divisor > 0 {
                out.append(UInt8(truncatingIfNeeded: value / divisor % 10) + 0x30)
                divisor /= 10
            }
        }
        put(year, 4)
        out.append(0x2d)
        put(month, 2)
        out.append(0x2d)
        put(day, 2)
        out.append(0x54)
        put(rest / 3_600_000, 2)
        rest %= 3_600_000
        out.append(0x3a)
        put(rest / 60_000, 2)
        rest %= 60_000
        out.append(0x3a)
        put(rest / 1000, 2)
        out.append(0x2e)
        put(rest % 1000, 3)
        out.append(0x5a)
    }

    public var iso8601: String {
        var out: [UInt8] = []
        out.reserveCapacity(24)
        append(to: &out)
        return String(decoding: out, as: UTF8.self)
    }
}
