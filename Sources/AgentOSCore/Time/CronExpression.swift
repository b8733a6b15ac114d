/// Five fields, as cron has them: minute, hour, day of the month, month, day of the week. Lists, ranges, steps, names of
/// months and days, and `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`, `@annually`.
public struct CronExpression: Sendable, Hashable {
    /// Why an expression cannot be read.
    public struct Invalid: Error, Sendable, Equatable {
        public let message: String
    }

    private static let nicknames = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]
    private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    private static let weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

    public let text: String
    let minutes: [Int]
    let hours: [Int]
    private let days: Set<Int>
    private let monthSet: Set<Int>
    private let weekdaySet: Set<Int>
    /// Whether day of the month and of the week are both restricted: then either is enough.
    private let eitherDay: Bool

    /// - Throws: `Invalid`
    public init(_ text: String) throws(Invalid) {
        self.text = text
        let lower = text.lowercased()
        let fields = (Self.nicknames[lower] ?? lower).split(whereSeparator: { $0 == " " || $0 == "\t" }).map(
            String.init)
        if lower.hasPrefix("@"), Self.nicknames[lower] == nil {
            throw Invalid(
                message:
                    "\(text.prefix(40)) is unknown; there are \(Self.nicknames.keys.sorted().joined(separator: ", "))")
        }
        guard fields.count == 5 else {
            throw Invalid(message: "must have five fields (minute hour day month weekday), not \(fields.count)")
        }
        minutes = try Self.field(fields[0], "minute", 0...59).sorted()
        hours = try Self.field(fields[1], "hour", 0...23).sorted()
        days = try Self.field(fields[2], "day of the month", 1...31)
        monthSet = try Self.field(fields[3], "month", 1...12, names: Self.months, first: 1)
        // 7 is Sunday as well.
        weekdaySet = Set(try Self.field(fields[4], "day of the week", 0...7, names: Self.weekdays).map { $0 % 7 })
        eitherDay = !fields[2].hasPrefix("*") && !fields[4].hasPrefix("*")
        let longest = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        if fields[4].hasPrefix("*"), !monthSet.contains(where: { month in days.contains { $0 <= longest[month - 1] } })
        {
            throw Invalid(message: "names no day that there is")
        }
    }

    var isOfEveryHour: Bool { hours.count == 24 }

    func matches(_ day: LocalTime.Day) -> Bool {
        let date = day.date
        guard monthSet.contains(date.month) else { return false }
        let (ofMonth, ofWeek) = (days.contains(date.day), weekdaySet.contains(day.weekday))
        return eitherDay ? ofMonth || ofWeek : ofMonth && ofWeek
    }

    private static func field(
        _ text: String, _ name: String, _ range: ClosedRange<Int>, names: [String] = [], first: Int = 0
    ) throws(Invalid) -> Set<Int> {
        var out = Set<Int>()
        func number(_ part: Substring) throws(Invalid) -> Int {
            if let index = names.firstIndex(of: String(part)) { return index + first }
            guard let value = Int(part), part.allSatisfy(\.isNumber), range.contains(value) else {
                throw Invalid(
                    message: "\(part.prefix(20)) is no \(name) between \(range.lowerBound) and \(range.upperBound)")
            }
            return value
        }
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            let halves = item.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard let whole = halves.first, !whole.isEmpty else {
                throw Invalid(message: "the \(name) has an empty part")
            }
            var step = 1
            if halves.count == 2 {
                guard let given = Int(halves[1]), given > 0 else {
                    throw Invalid(message: "the step of the \(name) must be a number above 0")
                }
                step = given
            }
            var bounds = range
            if whole != "*" {
                let ends = whole.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
                let low = try number(ends[0])
                let high = ends.count == 2 ? try number(ends[1]) : halves.count == 2 ? range.upperBound : low
                guard low <= high else { throw Invalid(message: "the range \(whole) of the \(name) is backwards") }
                bounds = low...high
            }
            for value in stride(from: bounds.lowerBound, through: bounds.upperBound, by: step) { out.insert(value) }
        }
        return out
    }
}
